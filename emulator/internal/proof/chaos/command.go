// Package chaos kills random parts of a serving stack and checks that it recovers.
package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/proc"
	"sglang-tpu/emulator/internal/proof/page"
	"sglang-tpu/emulator/internal/proof/world"
	"sglang-tpu/emulator/internal/sandbox"
)

const (
	// hour is how long one of the scaled hours takes: long enough that most groups recover within it.
	hour = 15 * time.Second
	// bound is how long the endpoint may stay away after one event. The longest recovery is that of a slice: GKE's ten
	// minutes of repair, which take a second here, and the start of a group, which takes as long as this machine needs.
	bound = 2 * time.Minute
	// groups: with two, a rank could get onto the wrong slice.
	groups = 2
)

type options struct {
	stack string
	seed  uint64
	hours int
	only  string // name of the events that happen; empty: all
	docs  string // page that gets the figures; empty: none
}

// events that may happen.
func (o options) events() (some []event, err error) {
	for _, e := range events {
		if o.only == "" || o.only == e.name {
			some = append(some, e)
		}
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("-only: there is no event %q; there are: %s", o.only, eventNames())
	}
	return some, nil
}

// Run implements the command chaos.
func Run(ctx context.Context, s *sandbox.Sandbox, args []string) error {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.stack, "stack", "dev", "the environment")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the events; 0: a new one each time")
	flags.IntVar(&o.hours, "hours", 24, fmt.Sprintf("number of scaled hours; each takes %s, or as long as its recovery", hour))
	flags.StringVar(&o.only, "only", "", "use only this event, to find the cause of a failure; empty: all events")
	flags.StringVar(&o.docs, "docs", "", "page of the documentation to write the results to")
	if err := flags.Parse(args); err != nil {
		return sandbox.ExitCode(2)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	possible, err := o.events()
	if err != nil {
		return err
	}
	if o.only != "" && o.docs != "" {
		return errors.New("-only cannot be combined with -docs: the page has the results of all events")
	}
	unlock, err := sandbox.Lock(layout.Layout{Root: s.Layout.Root + "/chaos"})
	if err != nil {
		return err
	}
	defer unlock()
	fmt.Fprintf(s.Out, "chaos: stack %s, %d groups, %d hours, seed %d\n", o.stack, groups, o.hours, o.seed)
	w, err := world.Open(ctx, s, "chaos", o.stack, "sglang-tpu:protect=false", fmt.Sprintf("sglang-tpu:replicas=%d", groups))
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }() // nobody needs what it ends
	if err := w.Start(ctx); err != nil {
		return err
	}
	if up := w.Pulumi(ctx, "up", "--yes", "--skip-preview"); !up.OK() {
		return fmt.Errorf("%w\n%s", up.Err, up.Output)
	}
	r := &run{world: w, draw: rand.New(rand.NewPCG(o.seed, 3)), out: s.Out, took: map[string][]time.Duration{}}
	if err := r.day(ctx, o.hours, possible); err != nil {
		return err
	}
	lines := r.report(o)
	fmt.Fprintln(s.Out, strings.Join(lines, "\n"))
	if o.docs != "" {
		if err := page.Replace(o.docs, "chaos", strings.Join(lines, "\n")); err != nil {
			return err
		}
	}
	if len(r.broken) > 0 {
		return sandbox.ExitCode(1)
	}
	return nil
}

// usage is what the emulator takes.
type usage struct {
	memory int64 // bytes resident of its daemon
	files  int   // below its folder
}

func (r *run) usage(pid string) usage {
	id, _ := strconv.Atoi(pid) // the daemon's own
	return usage{memory: proc.Memory(id), files: countFiles(r.world.Layout.Root)}
}
