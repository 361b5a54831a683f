// Package command implements `emulator review`. For each environment it deploys the base in a
// sandbox and previews the head against it; then it writes the report.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/review"
	"sglang-tpu/emulator/internal/review/revision"
	"sglang-tpu/emulator/internal/sandbox"
	"sglang-tpu/emulator/internal/tools"
)

const usage = `emulator review [-base REV] [-head REV] [-out FOLDER] [STACK...]

For each environment that the head changes, deploys program and configuration
of the base on the emulator, and previews the head against this deployment.
Then writes review.md and review.json. Deployed bases are saved in
.emulator/review and reused until the program, the configuration or the emulator
from which they were created changes.

  -base REV    compare with REV (default: the merge base with origin/main)
  -head REV    review REV (default: the working tree)
  -out FOLDER  write the report to FOLDER (default: .emulator/review)

Exit codes: 0 nothing needs to be acknowledged; 10 a preview fails; otherwise
the code of the worst change that has not been acknowledged although review.yaml
requires it: 11 rolling or group restart, 12 deletion, 13 slice rebuild,
14 cluster rebuild.
To acknowledge, add a line to the message of a commit, or lines to the
environment variable REVIEW_ACKNOWLEDGED:

  Review-Acknowledged: slice-rebuild prod
`

// acknowledgedVar is an environment variable with values of the trailer, separated by newlines
// or semicolons.
const acknowledgedVar = "REVIEW_ACKNOWLEDGED"

// command is one run of the review.
type command struct {
	*sandbox.Sandbox
	folder     string // for saved bases, cached binaries and reports
	base, head revision.Tree
	// Hashes of the programs and of the emulator.
	baseProgram, headProgram, machine string
}

// Run runs the review. It is a sandbox.Command.
func Run(ctx context.Context, s *sandbox.Sandbox, args []string) error {
	began := time.Now()
	flags := flag.NewFlagSet("review", flag.ContinueOnError)
	flags.SetOutput(s.Err)
	flags.Usage = func() { fmt.Fprint(s.Err, usage) }
	base := flags.String("base", "", "")
	head := flags.String("head", "", "")
	out := flags.String("out", "", "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return sandbox.ExitCode(2)
	}
	r := &command{Sandbox: s, folder: filepath.Join(s.Layout.Root, "review")}
	if *out == "" {
		*out = r.folder
	}
	// The lock excludes other reviews, not commands on deployed stacks.
	unlock, err := sandbox.Lock(layout.Layout{Root: r.folder})
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.open(ctx, *base, *head); err != nil {
		return err
	}
	report, err := r.report(ctx, flags.Args())
	if err != nil {
		return err
	}
	if err := r.gate(ctx, &report); err != nil {
		return err
	}
	if err := write(*out, report); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "\n%s\nWritten to %s, and as review.json, in %s.\n", report.Markdown(), filepath.Join(*out, "review.md"), time.Since(began).Round(time.Second))
	if code := report.ExitCode(); code != 0 {
		return sandbox.ExitCode(code)
	}
	return nil
}

// open exports base and head, says what they are, and builds missing tools.
func (r *command) open(ctx context.Context, base, head string) (err error) {
	if base == "" {
		if base, err = revision.Default(ctx, r.Checkout); err != nil {
			return err
		}
	}
	if r.base, err = revision.Export(ctx, r.Checkout, base, filepath.Join(r.folder, "base")); err != nil {
		return err
	}
	if head == "" {
		r.head, err = revision.Copy(ctx, r.Checkout, filepath.Join(r.folder, "head"))
	} else {
		r.head, err = revision.Export(ctx, r.Checkout, head, filepath.Join(r.folder, "head"))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(r.Out, "comparing %s with %s\n", r.head.Name, r.base.Name)
	if err := r.Tools(ctx, tools.Runtime); err != nil {
		return err
	}
	if r.baseProgram, err = r.base.Program(); err != nil {
		return err
	}
	if r.headProgram, err = r.head.Program(); err != nil {
		return err
	}
	r.machine, err = r.fingerprint()
	return err
}

// report reviews all environments of base and head, or those in only.
func (r *command) report(ctx context.Context, only []string) (review.Report, error) {
	report := review.Report{Base: r.base.Name, Head: r.head.Name}
	all := slices.Concat(r.base.Environments(), r.head.Environments())
	slices.Sort(all)
	all = slices.Compact(all)
	for _, name := range only {
		if !slices.Contains(all, name) {
			return report, fmt.Errorf("there is no environment %q; the environments are %s", name, strings.Join(all, ", "))
		}
	}
	for i, name := range all {
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		e, err := r.environment(ctx, name, i)
		if err != nil {
			return report, fmt.Errorf("%s: %w", name, err)
		}
		report.Environments = append(report.Environments, e)
	}
	report.Summarize()
	return report, nil
}

// environment reviews one stack. Its emulated cloud is stopped at the end.
func (r *command) environment(ctx context.Context, name string, number int) (review.Environment, error) {
	none := review.Environment{Name: name}
	before, err := r.base.Config(name)
	if err != nil {
		return none, err
	}
	after, err := r.head.Config(name)
	if err != nil {
		return none, err
	}
	switch {
	case after == nil:
		return review.Removed(name), nil
	case string(before) == string(after) && r.baseProgram == r.headProgram:
		fmt.Fprintf(r.Out, "%s: same program, same configuration: no change\n", name)
		return none, nil
	}
	b := r.baseOf(name, number, before)
	defer b.close()
	if before == nil {
		fmt.Fprintf(r.Out, "%s: new in %s\n", name, r.head.Name)
		err = b.fresh(ctx)
	} else {
		err = b.open(ctx)
	}
	var failed *baseFailed
	if errors.As(err, &failed) {
		return review.Of(name, review.Preview{Errors: []string{failed.Error()}}, nil), nil
	}
	if err != nil {
		return none, err
	}
	if err := r.build(ctx, r.head, r.headProgram); err != nil {
		return review.Of(name, review.Preview{Errors: []string{err.Error()}}, nil), ctx.Err()
	}
	began := time.Now()
	preview, err := b.preview(ctx, r.head.Dir)
	if err != nil {
		return none, err
	}
	fmt.Fprintf(r.Out, "%s: previewed %s (%s)\n", name, r.head.Name, time.Since(began).Round(100*time.Millisecond))
	e := review.Of(name, preview, b.Protected)
	e.Notes = slices.Concat(b.Notes, unseen(before, after), e.Notes)
	return e, nil
}

// unseen returns notes about settings that the emulator overrides, so that the preview does not
// show the effect of their change.
func unseen(before, after []byte) []string {
	const key = "sglang-tpu:lwsChart"
	value := func(text []byte) any {
		var config map[string]any
		_ = json.Unmarshal(text, &config) // it is from json.Marshal
		return config[key]
	}
	if was, is := value(before), value(after); was != is {
		return []string{fmt.Sprintf("`%s` changes from `%v` to `%v`; the emulator always uses its own chart, so this report does not show the effect", key, was, is)}
	}
	return nil
}

// gate checks the acknowledgements. It uses the policy of the base, so that a change cannot
// relax the policy that applies to it. A base without one has that of the change that adds it.
func (r *command) gate(ctx context.Context, report *review.Report) error {
	const file = "review.yaml"
	text, err := os.ReadFile(filepath.Join(r.base.Dir, file))
	if errors.Is(err, os.ErrNotExist) {
		text, err = os.ReadFile(filepath.Join(r.head.Dir, file))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	policy, err := review.ReadPolicy(text)
	if err != nil {
		return err
	}
	lines, err := revision.Trailers(ctx, r.Checkout, r.base.Commit, r.head.Commit, review.Trailer)
	if err != nil {
		return err
	}
	given := strings.FieldsFunc(os.Getenv(acknowledgedVar), func(c rune) bool { return c == ';' || c == '\n' })
	report.Gate(policy, append(lines, given...))
	return nil
}

func write(folder string, report review.Report) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "review.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "review.md"), []byte(report.Markdown()), 0o644)
}
