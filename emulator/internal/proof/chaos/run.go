package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/counters"
	"sglang-tpu/emulator/internal/proof/world"
	"sglang-tpu/emulator/internal/sandbox"
)

// run is one day of chaos.
type run struct {
	world *world.World
	draw  *rand.Rand
	out   io.Writer

	took          map[string][]time.Duration // until all groups served again, by event
	broken        []string                   // invariants
	before, after counters.Counts
	begin, end    usage

	mu              sync.Mutex
	answered, wrong int
	failed          int
}

// prompts are what the load asks, again and again.
var prompts = []string{"Hello, world!", "What is a slice?", "Count the chips of a host", "Say it once more"}

// day lets one of the possible events an hour happen, under load.
func (r *run) day(ctx context.Context, hours int, possible []event) error {
	var health map[string]string
	if err := r.world.Daemon().Get(ctx, "/healthz", &health); err != nil {
		return err
	}
	address, err := r.kubectl(ctx, "get", "service", "-n", namespace, "-l", "app.kubernetes.io/name=sglang-jax", "-o", `jsonpath={.items[?(@.spec.clusterIP!="None")].spec.clusterIP}`)
	if err != nil {
		return err
	}
	if address == "" {
		return errors.New("there is no Service of the leaders")
	}
	url := "http://" + strings.Fields(address)[0] + ":8000/generate"
	expected := map[string]string{}
	for _, prompt := range prompts {
		text, err := ask(ctx, url, prompt)
		if err != nil {
			return fmt.Errorf("before anything happened: %w", err)
		}
		expected[prompt] = text
	}
	if err := r.world.Daemon().Get(ctx, "/counters", &r.before); err != nil {
		return err
	}
	loading, stop := context.WithCancel(ctx)
	defer stop()
	go r.load(loading, url, expected)
	for i := range hours {
		began := time.Now()
		if i == hours/4 {
			r.begin = r.usage(health["pid"])
		}
		if err := r.hour(ctx, url, possible[r.draw.IntN(len(possible))]); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(hour - time.Since(began)):
		}
	}
	stop()
	r.end = r.usage(health["pid"])
	if err := r.world.Daemon().Get(ctx, "/counters", &r.after); err != nil {
		return err
	}
	r.invariants()
	return nil
}

// hour is one event, and the recovery from it.
func (r *run) hour(ctx context.Context, url string, e event) error {
	began := time.Now()
	hit, err := e.do(ctx, r)
	if err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	if hit == nothing {
		fmt.Fprintf(r.out, "chaos: %s: there was nothing to hit\n", e.name)
		return nil
	}
	if strings.HasSuffix(e.name, "refuses") {
		time.Sleep(hour / 3) // 20 minutes
		if err := r.world.Daemon().Post(ctx, "/cloud/faults", []cloud.Fault{}, nil); err != nil {
			return err
		}
	} else {
		time.Sleep(time.Second) // it takes effect
	}
	reason, shown := "", false
	for {
		if reason = r.unwell(ctx, url); reason == "" {
			break
		}
		if time.Since(began) > bound/2 && !shown {
			r.show(ctx)
			shown = true
		}
		if time.Since(began) > bound {
			r.broken = append(r.broken, fmt.Sprintf("after %s (%s), the stack has not served for %s: %s", e.name, hit, bound, reason))
			fmt.Fprintf(r.out, "chaos: %s\n", r.broken[len(r.broken)-1])
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	took := time.Since(began)
	r.took[e.name] = append(r.took[e.name], took)
	fmt.Fprintf(r.out, "chaos: %s (%s): all groups serve again after %s\n", e.name, hit, took.Round(100*time.Millisecond))
	return nil
}

// unwell says why not all groups serve; empty: they do. On the way it holds the ranks of each group to one slice.
func (r *run) unwell(ctx context.Context, url string) string {
	out, err := r.kubectl(ctx, "get", "pods", "-n", namespace, "-l", "leaderworkerset.sigs.k8s.io/name", "-o", "json")
	if err != nil {
		return err.Error()
	}
	nodes, err := r.kubectl(ctx, "get", "nodes", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.cloud\.google\.com/gke-nodepool}{"\n"}{end}`)
	if err != nil {
		return err.Error()
	}
	pools := map[string]string{}
	for line := range strings.Lines(nodes) {
		name, pool, _ := strings.Cut(strings.TrimSpace(line), " ")
		pools[name] = pool
	}
	var list corev1.PodList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return err.Error()
	}
	ready := 0
	slicesOf := map[string]string{}
	for _, p := range list.Items {
		if p.DeletionTimestamp != nil || pools[p.Spec.NodeName] == "" {
			continue
		}
		group := p.Labels["leaderworkerset.sigs.k8s.io/group-index"]
		if pool := slicesOf[group]; pool != "" && pool != pools[p.Spec.NodeName] {
			r.broken = append(r.broken, fmt.Sprintf("group %s is on two slices: %s and %s", group, pool, pools[p.Spec.NodeName]))
		}
		slicesOf[group] = pools[p.Spec.NodeName]
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	if want := groups * 2; ready != want {
		return fmt.Sprintf("%d of %d pods are ready", ready, want)
	}
	if _, err := ask(ctx, url, prompts[0]); err != nil {
		return err.Error()
	}
	return ""
}

// load asks one question after the other, and compares answers with those of before.
func (r *run) load(ctx context.Context, url string, expected map[string]string) {
	for i := 0; ctx.Err() == nil; i++ {
		prompt := prompts[i%len(prompts)]
		text, err := ask(ctx, url, prompt)
		r.mu.Lock()
		switch {
		case ctx.Err() != nil:
		case err != nil:
			r.failed++
		case text != expected[prompt]:
			r.wrong++
		default:
			r.answered++
		}
		r.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
	}
}

func ask(ctx context.Context, url, prompt string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]any{"text": prompt, "sampling_params": map[string]any{"max_new_tokens": 10, "temperature": 0}})
	if err != nil {
		return "", err
	}
	text, err := sandbox.Generate(ctx, url, "", string(body))
	if err != nil {
		return "", err
	}
	var answer struct {
		Text string `json:"text"`
	}
	return answer.Text, json.Unmarshal([]byte(text), &answer)
}

// invariants looks at what must hold at the end of the day.
func (r *run) invariants() {
	if r.wrong > 0 {
		r.broken = append(r.broken, fmt.Sprintf("%d requests were answered wrongly", r.wrong))
	}
	if r.after.Hub.Bytes != r.before.Hub.Bytes || r.after.Builds != r.before.Builds || r.after.Compile.Misses != r.before.Compile.Misses {
		r.broken = append(r.broken, fmt.Sprintf("some work was repeated: %+v after %+v", r.after, r.before))
	}
	if r.begin.files > 0 && (r.end.files > r.begin.files*5/4+20 || r.end.memory > r.begin.memory*3/2) {
		r.broken = append(r.broken, fmt.Sprintf("the emulator grows: from %d files and %d MiB to %d and %d", r.begin.files, r.begin.memory>>20, r.end.files, r.end.memory>>20))
	}
}

// report has the figures, in Markdown.
func (r *run) report(o options) []string {
	lines := []string{
		fmt.Sprintf("%d scaled hours with seed %d, stack %s, %d groups:", o.hours, o.seed, o.stack, groups), "",
		"| event | times | all groups serve again after, median | longest |", "|---|---|---|---|",
	}
	for _, e := range events {
		all := r.took[e.name]
		if len(all) == 0 {
			continue
		}
		slices.Sort(all)
		lines = append(lines, fmt.Sprintf("| %s | %d | %.1f s | %.1f s |", e.name, len(all), all[len(all)/2].Seconds(), all[len(all)-1].Seconds()))
	}
	lines = append(lines, "", fmt.Sprintf("%d requests were answered, %d of them wrongly; %d got no answer. Since the first up: %d bytes from the Hub, %d builds, %d compilations. "+
		"From the end of the first quarter to the end, the number of the emulator's files went from %d to %d, and its daemon's memory from %d to %d MiB.", r.answered+r.wrong, r.wrong, r.failed,
		r.after.Hub.Bytes-r.before.Hub.Bytes, r.after.Builds-r.before.Builds, r.after.Compile.Misses-r.before.Compile.Misses, r.begin.files, r.end.files, r.begin.memory>>20, r.end.memory>>20))
	if len(r.broken) == 0 {
		return append(lines, "", "No invariant was broken.")
	}
	lines = append(lines, "", "Broken:", "")
	for _, b := range r.broken {
		lines = append(lines, "- "+b)
	}
	return lines
}
