package faults

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/proof/world"
	"sglang-tpu/emulator/internal/sandbox"
)

// options of the command line.
type options struct {
	stack     string
	seed      uint64
	count     int           // of cells; 0: all
	limit     time.Duration // no batch is begun after it; 0: none
	largest   int           // of cells in a batch
	operation string        // only this one; empty: all
	effect    string        // only this one; empty: all
	first     bool          // the largest batches come first
	record    string        // file to which results are added; empty: none
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.StringVar(&o.stack, "stack", "dev", "the environment")
	flags.Uint64Var(&o.seed, "seed", 0, "of the order of batches and of the errors drawn; 0: another one each time")
	flags.IntVar(&o.count, "cells", 0, "how many cells are tried at least; 0: all")
	flags.DurationVar(&o.limit, "limit", 0, "no batch is begun after this time; 0: no limit")
	flags.IntVar(&o.largest, "batch", 40, "largest number of cells that one run of Pulumi meets")
	flags.StringVar(&o.operation, "operation", "", "only create, update, delete or read")
	flags.StringVar(&o.effect, "effect", "", "only refuse, lose, lose-once, hang, hold-before or hold-after")
	flags.BoolVar(&o.first, "largest-first", false, "the largest batches come first, which tries most cells in a limited time")
	flags.StringVar(&o.record, "record", "", "file to which results are added, one line of JSON for each cell")
	if err := flags.Parse(args); err != nil {
		return o, sandbox.ExitCode(2)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	return o, nil
}

// Run is the command faults.
func Run(ctx context.Context, s *sandbox.Sandbox, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
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
	results, err := r.all(ctx, all, o)
	if err != nil {
		return err
	}
	return results.report(s.Out, all, o)
}

// open brings the stack up once, and keeps what it then is.
func open(ctx context.Context, s *sandbox.Sandbox, o options) (*runner, []cell, error) {
	w, err := world.Open(ctx, s, "faults", o.stack, "sglang-tpu:protect=false")
	if err != nil {
		return nil, nil, err
	}
	r := &runner{world: w, say: func(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }}
	if err := w.Start(ctx); err != nil {
		return nil, nil, err
	}
	if err := w.Save(ctx, empty); err != nil {
		return nil, nil, err
	}
	if err := w.Start(ctx); err != nil {
		return nil, nil, err
	}
	result := w.Pulumi(ctx, "up", "--yes", "--skip-preview")
	if !result.OK() {
		return nil, nil, fmt.Errorf("%w: %s", errSteady, tail(result.Output))
	}
	r.say("faults: the stack is up after %s", result.Took.Round(time.Second))
	if r.reference, err = take(ctx, w); err != nil {
		return nil, nil, err
	}
	if steady, detail, err := r.upIsFull(ctx, plain); err != nil || !steady {
		return nil, nil, fmt.Errorf("%w: %s %w", errSteady, detail, err)
	}
	d, _, err := w.Deployment()
	if err != nil {
		return nil, nil, err
	}
	found, err := targets(d)
	if err != nil {
		return nil, nil, err
	}
	if err := w.Save(ctx, full); err != nil {
		return nil, nil, err
	}
	return r, cells(found, rand.New(rand.NewPCG(o.seed, 1))), nil
}

// all tries batches in a random order until enough cells are through.
func (r *runner) all(ctx context.Context, all []cell, o options) (results, error) {
	found := results{}
	tried := 0
	began := time.Now()
	todo := batches(all, rand.New(rand.NewPCG(o.seed, 2)), o.largest)
	if o.first {
		slices.SortStableFunc(todo, func(a, b []cell) int { return len(b) - len(a) })
	}
	r.say("faults: %d cells in %d batches", len(all), len(todo))
	for len(todo) > 0 && (o.count == 0 || tried < o.count) && (o.limit == 0 || time.Since(began) < o.limit) {
		batch := todo[0]
		todo = todo[1:]
		if o.operation != "" && batch[0].operation != injection.Operation(o.operation) || o.effect != "" && batch[0].effect != injection.Effect(o.effect) {
			continue
		}
		outcome, err := r.try(ctx, batch)
		if err != nil {
			return found, err
		}
		r.say("faults: %s %s: %d of %d met, up by %q, destroy by %q, %s", batch[0].effect, batch[0].operation, len(outcome.met), len(batch),
			outcome.up, outcome.destroy, outcome.took.Round(time.Second))
		if len(outcome.met) > 1 && (outcome.up == never || outcome.destroy == never) {
			// One of them is the reason: both halves once more.
			half := len(outcome.met) / 2
			todo = append([][]cell{outcome.met[:half], outcome.met[half:]}, todo...)
			if len(outcome.missed) > 0 && len(outcome.met) > 0 {
				todo = append(todo, outcome.missed)
			}
			r.say("%s", outcome.detail)
			continue
		}
		if len(outcome.missed) > 0 && len(outcome.met) > 0 {
			todo = append(todo, outcome.missed)
		}
		found.add(outcome, batch)
		tried += len(outcome.met)
		if err := found.record(o); err != nil {
			return found, err
		}
	}
	return found, nil
}
