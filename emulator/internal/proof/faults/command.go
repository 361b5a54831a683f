package faults

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/proof/page"
	"sglang-tpu/emulator/internal/proof/world"
	"sglang-tpu/emulator/internal/sandbox"
)

// options of the command line.
type options struct {
	stack     string
	seed      uint64
	count     int    // of cells; 0: no limit
	size      int    // cells drawn of each operation and effect; 0: all
	operation string // only this one; empty: all
	effect    string // only this one; empty: all
	of        int    // cells that there are
	table     string // file whose results become the table of the documentation, instead of a run; empty: a run
	resume    bool   // what the file of results has as explained is not tried again
	record    string // file to which results are added; empty: none
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.StringVar(&o.stack, "stack", "dev", "the environment")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the order of scenarios and of the random errors; 0: a new one each time")
	flags.IntVar(&o.count, "cells", 0, "start no scenario after this number of cells; 0: no limit")
	flags.IntVar(&o.size, "draw", 0, "number of random cells for each operation and effect; 0: all")
	flags.StringVar(&o.operation, "operation", "", "only create, update, delete or read")
	flags.StringVar(&o.effect, "effect", "", "only refuse, lose, lose-once, hang, hold-before or hold-after")
	flags.StringVar(&o.record, "record", "", "file to append results to, one line of JSON for each cell")
	flags.BoolVar(&o.resume, "resume", false, "skip the cells that the file of -record has as tried and explained")
	flags.StringVar(&o.table, "table", "", "write the results of a file to docs/proof.md, and try nothing")
	if err := flags.Parse(args); err != nil {
		return o, sandbox.ExitCode(2)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	return o, nil
}

// Run implements the command faults.
func Run(ctx context.Context, s *sandbox.Sandbox, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.table != "" {
		all, err := read(o.table)
		if err != nil {
			return err
		}
		return page.Replace(filepath.Join(s.Checkout, "docs", "proof.md"), "faults", strings.Join(table(all), "\n"))
	}
	unlock, err := sandbox.Lock(layout.Layout{Root: s.Layout.Root + "/faults"})
	if err != nil {
		return err
	}
	defer unlock()
	fmt.Fprintf(s.Out, "faults: stack %s, seed %d\n", o.stack, o.seed)
	_ = os.Setenv(layout.FrontVar, "1") // a valid name cannot fail; every child inherits it
	r, all, err := open(ctx, s, o)
	if err != nil {
		return err
	}
	defer func() { _ = r.world.Stop() }() // what it ends has no state that anybody needs
	o.of = len(all)
	results, err := r.all(ctx, all, o)
	if err != nil {
		return err
	}
	return results.report(s.Out, all, o)
}

// open brings the stack up once, or takes the snapshot of an earlier command that did, and keeps what it then is.
func open(ctx context.Context, s *sandbox.Sandbox, o options) (*runner, []cell, error) {
	w, err := world.Open(ctx, s, "faults", o.stack, "sglang-tpu:protect=false")
	if err != nil {
		return nil, nil, err
	}
	r := &runner{world: w, draw: rand.New(rand.NewPCG(o.seed, 3)), say: func(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }}
	if w.Has(full) {
		r.say("faults: using the stack that an earlier command brought up")
	} else if err := r.bringUp(ctx); err != nil {
		return nil, nil, err
	}
	if err := w.Restore(ctx, full); err != nil {
		return nil, nil, err
	}
	if r.reference, err = take(ctx, w); err != nil {
		return nil, nil, err
	}
	d, _, err := w.Deployment()
	if err != nil {
		return nil, nil, err
	}
	found, err := targets(d)
	if err != nil {
		return nil, nil, err
	}
	return r, cells(found, rand.New(rand.NewPCG(o.seed, 1))), nil
}

// bringUp makes the snapshots of the stack before it was up and since, when nothing is left to change.
func (r *runner) bringUp(ctx context.Context) error {
	w := r.world
	if err := w.Start(ctx); err != nil {
		return err
	}
	if err := w.Save(ctx, empty); err != nil {
		return err
	}
	if err := w.Start(ctx); err != nil {
		return err
	}
	result := w.Pulumi(ctx, "up", "--yes", "--skip-preview")
	if !result.OK() {
		return fmt.Errorf("%w: %s", errSteady, tail(result.Output))
	}
	r.say("faults: the stack is up after %s", result.Took.Round(time.Second))
	var err error
	if r.reference, err = take(ctx, w); err != nil {
		return err
	}
	if steady, detail, err := r.upIsFull(ctx, plain); err != nil || !steady {
		return fmt.Errorf("%w: %s %w", errSteady, detail, err)
	}
	return w.Save(ctx, full)
}

// all tries scenarios in a random order until enough cells are through.
func (r *runner) all(ctx context.Context, all []cell, o options) (results, error) {
	found := results{}
	tried := 0
	if o.resume {
		var err error
		if all, err = untried(all, o); err != nil {
			return found, err
		}
		r.say("faults: %d cells are left", len(all))
	}
	todo := scenarios(all, rand.New(rand.NewPCG(o.seed, 2)), o.size)
	for len(todo) > 0 && (o.count == 0 || tried < o.count) {
		s := todo[0]
		todo = todo[1:]
		if o.operation != "" && s[0].operation != injection.Operation(o.operation) || o.effect != "" && s[0].effect != injection.Effect(o.effect) {
			continue
		}
		outcome, err := r.try(ctx, s)
		if err != nil {
			return found, fmt.Errorf("%s: %w", s, err)
		}
		r.say("faults: %s: %d of %d cells in %d runs of Pulumi; at the end %q, and from the middle %q; %s", s, len(outcome.met), len(s), outcome.runs,
			outcome.end, outcome.other, outcome.took.Round(time.Second))
		if n := len(outcome.met); n > 1 && !outcome.explained() {
			r.say("%s", outcome.detail)
			// One of them is the reason: both halves once more.
			var halves [2]scenario
			for i, m := range outcome.met {
				halves[i*2/n] = append(halves[i*2/n], m.cell)
			}
			todo = append(halves[:], todo...)
			continue
		}
		found.add(outcome)
		tried += len(outcome.met)
		if err := found.record(o); err != nil {
			return found, err
		}
	}
	return found, nil
}
