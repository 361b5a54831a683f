package bench

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/proof/world"
	"sglang-tpu/emulator/internal/sandbox"
)

// minute is how long one of Google's takes during the measurements: so long that what the emulator itself needs on a
// slow machine counts for little.
const minute = "1s"

type options struct {
	stack string
	runs  int // of each preview
	// cycles are how often the stack is brought up and destroyed.
	cycles int
	base   string // revision to compare with; empty: none
	// review is whether a review is timed: the second of two, for which the base is up.
	review bool
	docs   bool // write docs/proof.md
}

// Run implements the command bench.
func Run(ctx context.Context, s *sandbox.Sandbox, args []string) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.stack, "stack", "dev", "the environment")
	flags.IntVar(&o.runs, "runs", 3, "number of runs of each preview; the median counts")
	flags.IntVar(&o.cycles, "cycles", 3, "number of runs of up and destroy; the median counts")
	flags.StringVar(&o.base, "base", "", "revision whose program is measured for comparison")
	flags.BoolVar(&o.review, "review", false, "also measure a review, which first brings its base up")
	flags.BoolVar(&o.docs, "docs", false, "write the table and the plot to docs")
	if err := flags.Parse(args); err != nil {
		return sandbox.ExitCode(2)
	}
	unlock, err := sandbox.Lock(layout.Layout{Root: s.Layout.Root + "/bench"})
	if err != nil {
		return err
	}
	defer unlock()
	_ = os.Setenv("SGLANG_TPU_EMULATOR_MINUTE", minute) // a valid name cannot fail; every child inherits it
	head, err := measure(ctx, s, "bench", o)
	if err != nil {
		return err
	}
	var base *figures
	if o.base != "" {
		if base, err = measureBase(ctx, s, o); err != nil {
			return err
		}
	}
	if o.review {
		if head.review, err = review(ctx, s, o); err != nil {
			return err
		}
	}
	lines := table(head, base, o)
	fmt.Fprintln(s.Out, strings.Join(lines, "\n"))
	if !o.docs {
		return nil
	}
	return write(s, head, lines, o)
}

// review times one of a working tree that changes nothing.
func review(ctx context.Context, s *sandbox.Sandbox, o options) (took time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	for range 2 {
		began := time.Now()
		cmd := exec.CommandContext(ctx, self, "review", "-base", "HEAD", o.stack)
		cmd.Dir = s.Checkout
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("review: %w\n%s", err, out)
		}
		took = time.Since(began)
	}
	return took, nil
}

// measureBase measures the program of another revision.
func measureBase(ctx context.Context, s *sandbox.Sandbox, o options) (f *figures, err error) {
	tree := filepath.Join(s.Layout.Root, "bench-base")
	git := func(args ...string) error {
		if out, err := exec.CommandContext(ctx, "git", append([]string{"-C", s.Checkout}, args...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	_ = git("worktree", "remove", "--force", tree) // of a run that was killed
	if err := git("worktree", "add", "--detach", "--force", tree, o.base); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, git("worktree", "remove", "--force", tree)) }()
	other := *s
	other.Program = tree
	return measure(ctx, &other, "bench-of-base", o)
}

// figures are what was measured of one program.
type figures struct {
	empty, first, unchanged time.Duration // previews: of an empty program, of nothing that exists, of everything
	start                   time.Duration // of the emulated cloud, with the stack in it
	review                  time.Duration // 0: not timed
	slices                  []slice
	cycle
}

// cycle is an up and the destroy after it.
type cycle struct {
	up, destroy *run
	pods        time.Duration // from the last step until the last pod was ready
	waits       map[resource.URN]map[resource.URN]bool
}

// slice is a preview with so many groups.
type slice struct {
	replicas int
	topology string
	took     time.Duration
	memory   int64
	plan     int64 // bytes
}

func measure(ctx context.Context, s *sandbox.Sandbox, folder string, o options) (*figures, error) {
	w, err := world.Open(ctx, s, folder, o.stack, "sglang-tpu:protect=false")
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Stop() }() // nobody needs what it ends
	if err := w.Start(ctx); err != nil {
		return nil, err
	}
	f := &figures{}
	if err := f.previews(ctx, w, o); err != nil {
		return nil, err
	}
	if err := f.groups(ctx, w, o); err != nil {
		return nil, err
	}
	if err := f.cycles(ctx, w, o); err != nil {
		return nil, err
	}
	return f, nil
}

// previews measures those of nothing that exists, beside those of an empty program.
func (f *figures) previews(ctx context.Context, w *world.World, o options) error {
	empty, err := w.Empty(ctx)
	if err != nil {
		return err
	}
	var none, first []time.Duration
	for i := 0; i <= o.runs; i++ { // the first round is not counted: it fills caches
		e, ours := empty.Pulumi(ctx, "preview"), w.Pulumi(ctx, "preview")
		if err := errors.Join(e.Err, ours.Err); err != nil {
			return fmt.Errorf("%w\n%s%s", err, e.Output, ours.Output)
		}
		if i > 0 {
			none, first = append(none, e.Took), append(first, ours.Took)
		}
	}
	f.empty, f.first = median(none), median(first)
	return nil
}

// groups previews with more and more groups, and with the largest topology.
func (f *figures) groups(ctx context.Context, w *world.World, o options) error {
	for _, of := range []struct {
		replicas int
		topology string
	}{{1, "2x2x2"}, {4, "2x2x2"}, {16, "2x2x2"}, {64, "2x2x2"}, {1, "16x24x24"}} {
		settings := []string{"sglang-tpu:replicas=" + strconv.Itoa(of.replicas), "sglang-tpu:topology=" + of.topology}
		if of.topology != "2x2x2" {
			settings = append(settings, `sglang-tpu:network={"pods":"10.16.0.0/12"}`)
		}
		if err := w.Prepare(ctx, settings...); err != nil {
			return err
		}
		var took []time.Duration
		var most, plan int64
		for range o.runs {
			sampling, stop := context.WithCancel(ctx)
			sampled := make(chan int64, 1)
			go func() { sampled <- memory(sampling, w) }()
			r := w.Pulumi(ctx, "preview", "--json")
			stop()
			if !r.OK() {
				return fmt.Errorf("preview with %v: %w\n%s", settings, r.Err, r.Output)
			}
			took, most, plan = append(took, r.Took), max(most, <-sampled), int64(len(r.Output))
		}
		f.slices = append(f.slices, slice{of.replicas, of.topology, median(took), most, plan})
	}
	return w.Prepare(ctx, "sglang-tpu:protect=false")
}

// cycles brings the stack up and destroys it several times. Of up and of destroy, the one with the median time counts.
func (f *figures) cycles(ctx context.Context, w *world.World, o options) error {
	var all []cycle
	for i := range o.cycles {
		c := cycle{}
		if err := c.bringUp(ctx, w); err != nil {
			return err
		}
		if i == 0 {
			if err := f.withStack(ctx, w, o); err != nil {
				return err
			}
		}
		if err := c.takeDown(ctx, w); err != nil {
			return err
		}
		all = append(all, c)
	}
	byTime := func(of func(cycle) *run) cycle {
		slices.SortStableFunc(all, func(a, b cycle) int { return cmp.Compare(of(a).took, of(b).took) })
		return all[len(all)/2]
	}
	f.cycle = byTime(func(c cycle) *run { return c.up })
	f.destroy = byTime(func(c cycle) *run { return c.destroy }).destroy
	return nil
}

// bringUp notes the steps of an up, when the server's pods were ready, and what waits for what.
func (c *cycle) bringUp(ctx context.Context, w *world.World) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	pods := make(chan readiness, 1)
	go func() { pods <- watchPods(watching, w) }()
	began := time.Now()
	up, err := change(ctx, w, "up", "--yes", "--skip-preview")
	stop()
	if err != nil {
		return err
	}
	seen := <-pods
	if len(seen) == 0 {
		return errors.New("after the up no pod of the server was seen to be ready")
	}
	d, _, err := w.Deployment()
	if err != nil {
		return err
	}
	c.up, c.pods, c.waits = up, max(seen.last().Sub(began)-up.last(), 0), world.Waits(d)
	up.follow(c.waits)
	return nil
}

// withStack measures what needs a stack that is up.
func (f *figures) withStack(ctx context.Context, w *world.World, o options) error {
	var same []time.Duration
	for i := 0; i <= o.runs; i++ {
		r := w.Pulumi(ctx, "preview", "--expect-no-changes")
		if !r.OK() {
			return fmt.Errorf("%w\n%s", r.Err, r.Output)
		}
		if i > 0 {
			same = append(same, r.Took)
		}
	}
	f.unchanged = median(same)
	if err := w.Stop(); err != nil {
		return err
	}
	started := time.Now()
	if err := w.Start(ctx); err != nil {
		return err
	}
	f.start = time.Since(started)
	// The pods start again; an up that changes nothing waits for them. A stack that serves is what is destroyed.
	if r := w.Pulumi(ctx, "up", "--yes", "--skip-preview", "--expect-no-changes"); !r.OK() {
		return fmt.Errorf("%w\n%s", r.Err, r.Output)
	}
	return nil
}

// takeDown notes the steps of a destroy.
func (c *cycle) takeDown(ctx context.Context, w *world.World) (err error) {
	if c.destroy, err = change(ctx, w, "destroy", "--yes", "--skip-preview"); err != nil {
		return err
	}
	c.destroy.follow(reversed(c.waits))
	return nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
