package review

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// facts are the facts about a stack on which the consequences of a change depend.
type facts struct {
	before, after output
	bucket        bool // weights and compiled code are in a bucket
	filled        bool // the bucket exists and is not deleted
	compiled      bool // the bucket has compiled code for the new server
	fetched       bool // other weights must be downloaded first
}

// output has the stack outputs that a review uses.
type output struct {
	known  bool
	groups int
	image  string
	plan   map[string]any
}

func (o output) number(name string) float64 {
	n, _ := o.plan[name].(float64)
	return n
}

func (o output) text(name string) string {
	switch v := o.plan[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func (o output) chips() int { return o.groups * int(o.number("chips")) }

// weightsGiB returns how much each host downloads. Programs without the output repositoryGiB
// download all weights; dense weights are split over the devices of a data-parallel replica.
func (o output) weightsGiB() float64 {
	if fetched := o.number("repositoryGiB"); fetched > 0 {
		return fetched
	}
	parts := max(o.number("dpSize"), 1)
	if o.number("epSize") > 1 {
		parts = 1
	}
	return math.Round(o.number("gibPerDevice") * o.number("devices") / parts)
}

func gather(steps []Step) facts {
	var f facts
	for _, s := range steps {
		switch s.Type() {
		case stackType:
			f.before, f.after = outputs(s.Old), outputs(s.New)
		case set:
			before, mounted := compiledCode(s.Old)
			after, mountedAfter := compiledCode(s.New)
			f.bucket, f.filled = mountedAfter, mountedAfter
			f.compiled = mounted && before == after
		}
	}
	for _, s := range steps {
		if s.Type() == bucket && s.Op != Same && s.Op != Update {
			f.filled = false
		}
	}
	f.fetched = f.before.text("model") != f.after.text("model")
	return f
}

// compiledCode returns where a LeaderWorkerSet's server has its compiled code, and whether it has a bucket.
func compiledCode(s *State) (dir string, bucket bool) {
	if s == nil {
		return "", false
	}
	template := at(s.Inputs, "spec.leaderWorkerTemplate.leaderTemplate")
	annotations, _ := at(template, "metadata.annotations").(map[string]any)
	return variable(at(template, "spec.containers[0].env"), "JAX_COMPILATION_CACHE_DIR"), annotations["gke-gcsfuse/volumes"] == "true"
}

func outputs(s *State) output {
	if s == nil || len(s.Outputs) == 0 {
		return output{}
	}
	o := output{known: true}
	n, _ := s.Outputs["replicas"].(float64)
	o.groups = int(n)
	o.image, _ = s.Outputs["image"].(string)
	o.plan, _ = s.Outputs["plan"].(map[string]any)
	return o
}

func variable(env any, name string) string {
	list, _ := env.([]any)
	for _, element := range list {
		if v, ok := element.(map[string]any); ok && v["name"] == name {
			text, _ := v["value"].(string)
			return text
		}
	}
	return ""
}

// perGroup returns the class of a change of the pod template.
func (f facts) perGroup() Class {
	switch {
	case f.before.known && f.before.groups == 0:
		return None
	case min(f.before.groups, f.after.groups) > 1:
		return Rolling
	default:
		return GroupRestart
	}
}

// fill fills the placeholders in a rule's text.
func (f facts) fill(text string) string {
	groups := "all " + strconv.Itoa(f.before.groups) + " groups"
	if f.before.groups == 1 {
		groups = "the only group has to"
	}
	restart := "the only group ends and starts again on the same chips; " + f.weights()
	switch f.perGroup() {
	case None:
		restart = "no group runs, so none restarts"
	case Rolling:
		restart = fmt.Sprintf("the %d groups restart one after the other on the same chips; %s", f.before.groups, f.weights())
	}
	replicas := "groups are added; running groups keep serving"
	if f.after.groups < f.before.groups {
		replicas = ending(f.after.groups, f.before.groups)
	}
	chips := cmp.Or(f.before.text("chips"), f.after.text("chips"))
	return strings.NewReplacer("{groups}", groups, "{restart}", restart, "{replicas}", replicas,
		"{weights}", f.weights(), "{chips}", chips).Replace(text)
}

// ending names the groups that end if their number is reduced: the last ones, because their
// leaders are pods of a StatefulSet
// (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees).
func ending(from, to int) string {
	if to-from == 1 {
		return fmt.Sprintf("group %d ends", from)
	}
	return fmt.Sprintf("groups %d to %d end", from, to-1)
}

// weights says what a restart must download and compile.
func (f facts) weights() string {
	switch {
	case !f.bucket:
		return fmt.Sprintf("every host downloads the %g GiB of weights again and compiles again", f.after.weightsGiB())
	case !f.filled:
		return fmt.Sprintf("before that, the %g GiB of weights are downloaded into the bucket, once; code is compiled again", f.after.weightsGiB())
	case f.fetched:
		return "before that, the weights of the new model are downloaded into the bucket, once; code is compiled"
	case f.compiled:
		return "weights and compiled code are cached"
	default:
		return "weights are cached, and code is compiled again"
	}
}

// Row is one row of the plan, before and after the change.
type Row struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func (f facts) rows() []Row {
	var rows []Row
	row := func(name, before, after string) {
		if before+after != "" {
			rows = append(rows, Row{Name: name, Before: before, After: after})
		}
	}
	count := func(o output, n int) string {
		if !o.known {
			return ""
		}
		return strconv.Itoa(n)
	}
	for _, name := range []struct{ title, key string }{
		{"model", "model"}, {"topology of a slice", "topology"},
	} {
		row(name.title, f.before.text(name.key), f.after.text(name.key))
	}
	row("groups", count(f.before, f.before.groups), count(f.after, f.after.groups))
	row("chips", count(f.before, f.before.chips()), count(f.after, f.after.chips()))
	for _, name := range []struct{ title, key string }{
		{"devices of a group", "devices"},
		{"tensor parallelism (tp)", "tpSize"},
		{"data parallelism (dp)", "dpSize"},
		{"expert parallelism (ep)", "epSize"},
		{"GiB of weights per device", "gibPerDevice"},
		{"requests at once", "requestsAtOnce"},
	} {
		row(name.title, f.before.text(name.key), f.after.text(name.key))
	}
	row("image", f.before.image, f.after.image)
	return rows
}

// chips counts the chips before and after the change, and those that stop serving meanwhile.
func (f facts) chips(steps []Step, items []Item) Chips {
	c := Chips{Before: f.before.chips(), After: f.after.chips()}
	slices, all := 0, false
	for _, s := range steps {
		if s.Type() == nodePool && s.inside(inSlice) && s.Op != Create && s.Op != Delete && item(s, f).Class >= GroupRestart {
			slices++
		}
	}
	for _, i := range items {
		everyGroup := strings.HasPrefix(i.Resource, set+" ") || strings.HasPrefix(i.Resource, cluster+" ") || strings.HasPrefix(i.Resource, definition+" ")
		all = all || i.Class >= GroupRestart && everyGroup || i.Class == ClusterRebuild || i.Class == Rolling && strings.HasPrefix(i.Resource, set+" ")
	}
	c.Interrupted = slices * int(f.before.number("chips"))
	if all {
		c.Interrupted = min(c.Before, max(c.After, c.Interrupted))
	}
	return c
}
