// Package bench measures the speed of the program, as ratios within one run.
package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"sglang-tpu/emulator/internal/proc"
	"sglang-tpu/emulator/internal/proof/world"
)

// step is one operation of the engine on one resource.
type step struct {
	urn        resource.URN
	begin, end time.Duration // since the start of the command
}

// run is a command that changed the stack, with the steps that had an effect.
type run struct {
	took  time.Duration
	steps []step
	chain []step        // the critical path; see follow
	path  time.Duration // of the chain
}

// change runs a command of Pulumi and notes when each step began and ended.
func change(ctx context.Context, w *world.World, args ...string) (*run, error) {
	var other, said bytes.Buffer
	cmd := w.Cmd(ctx, &other, append(args, "--json")...)
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	open := map[resource.URN]time.Duration{}
	r := &run{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		at := time.Since(began)
		var event apitype.EngineEvent
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			fmt.Fprintln(&said, lines.Text())
			continue
		}
		if e := event.ResourcePreEvent; e != nil && e.Metadata.Op != apitype.OpSame {
			open[resource.URN(e.Metadata.URN)] = at
		}
		if e := event.ResOutputsEvent; e != nil {
			urn := resource.URN(e.Metadata.URN)
			if begin, ok := open[urn]; ok {
				r.steps = append(r.steps, step{urn, begin, at})
				delete(open, urn)
			}
		}
		if event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "error" {
			fmt.Fprintln(&said, event.DiagnosticEvent.Message)
		}
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	r.took = time.Since(began)
	if err != nil {
		return nil, fmt.Errorf("pulumi %s: %w\n%s%s", strings.Join(args, " "), err, said.String(), other.String())
	}
	return r, nil
}

// last is when the last step ended.
func (r *run) last() (end time.Duration) {
	for _, s := range r.ofResources() {
		end = max(end, s.end)
	}
	return end
}

// first is when the first step began.
func (r *run) first() time.Duration {
	first := r.took
	for _, s := range r.ofResources() {
		first = min(first, s.begin)
	}
	return first
}

// ofResources leaves out components, whose steps last as long as those of their children.
func (r *run) ofResources() []step {
	return slices.DeleteFunc(slices.Clone(r.steps), func(s step) bool {
		typ := string(s.urn.Type())
		return !strings.HasPrefix(typ, "gcp:") && !strings.HasPrefix(typ, "kubernetes:") || strings.Contains(typ, "kubernetes:helm.sh")
	})
}

// sum is how long the steps take one after the other, as a person takes them who does it by hand.
func (r *run) sum() (sum time.Duration) {
	for _, s := range r.ofResources() {
		sum += s.end - s.begin
	}
	return sum
}

// follow finds the longest chain of steps of which each waits for the one before: no engine can be faster. waits has for
// each resource those that it waits for, all the way.
func (r *run) follow(waits map[resource.URN]map[resource.URN]bool) {
	steps := r.ofResources()
	slices.SortFunc(steps, func(a, b step) int { return len(waits[a.urn]) - len(waits[b.urn]) })
	best := map[resource.URN]time.Duration{}
	from := map[resource.URN]int{}
	for i, s := range steps {
		from[s.urn] = -1
		longest := time.Duration(0)
		for j, before := range steps[:i] {
			if waits[s.urn][before.urn] && best[before.urn] > longest {
				longest, from[s.urn] = best[before.urn], j
			}
		}
		best[s.urn] = longest + s.end - s.begin
	}
	end := -1
	for i, s := range steps {
		if end < 0 || best[s.urn] > r.path {
			r.path, end = best[s.urn], i
		}
	}
	for at := end; at >= 0; at = from[steps[at].urn] {
		r.chain = append(r.chain, steps[at])
	}
	slices.Reverse(r.chain)
}

// reversed is the order of a destroy: everything waits for what depends on it.
func reversed(waits map[resource.URN]map[resource.URN]bool) map[resource.URN]map[resource.URN]bool {
	other := map[resource.URN]map[resource.URN]bool{}
	for urn := range waits {
		other[urn] = map[resource.URN]bool{}
	}
	for urn, found := range waits {
		for before := range found {
			if other[before] != nil {
				other[before][urn] = true
			}
		}
	}
	return other
}

// memory samples how much memory all processes of the world's commands have together, until the context ends, and
// returns the most.
func memory(ctx context.Context, w *world.World) (most int64) {
	for ctx.Err() == nil {
		var sum int64
		for _, pid := range proc.WithEnvironment("TMPDIR=" + w.Layout.Tmp() + "\x00") {
			sum += proc.Memory(pid)
		}
		most = max(most, sum)
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return most
}
