// Package command is `emulator review`: it brings the base of each environment up in a
// sandbox, previews the head against it, and writes the report.
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

Brings the program and the configuration of REV up on the emulator, once for each
environment that HEAD changes, previews HEAD against that, and writes review.md and
review.json. Base states are saved under .emulator/review and used again while nothing
that they are made from has changed.

  -base REV    what to compare with (default: where the branch left origin/main)
  -head REV    what to review (default: the working tree)
  -out FOLDER  where the report goes (default: .emulator/review)

Exit codes: 0 nothing has to be acknowledged; 10 a preview fails; of what review.yaml wants
acknowledged and nobody has, 11 rolling or group restart, 12 deletion, 13 slice rebuild,
14 cluster rebuild. To acknowledge, write a line into a commit's message, or lines into the
environment variable REVIEW_ACKNOWLEDGED:

  Review-Acknowledged: slice-rebuild prod
`

// acknowledgedVar holds lines as a trailer would, separated by newlines or semicolons.
const acknowledgedVar = "REVIEW_ACKNOWLEDGED"

// command is one run.
type command struct {
	*sandbox.Sandbox
	folder     string // of everything that it keeps
	base, head revision.Tree
	// What the programs and the emulator are made from.
	baseProgram, headProgram, machine string
}

// Run is the sandbox.Command.
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
	// Two reviews of one checkout are kept apart; a stack that is up is not in the way.
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
	fmt.Fprintf(s.Out, "\n%s\nIn %s, also as review.json; made in %s.\n", report.Markdown(), filepath.Join(*out, "review.md"), time.Since(began).Round(time.Second))
	if code := report.ExitCode(); code != 0 {
		return sandbox.ExitCode(code)
	}
	return nil
}

// open finds what is compared with what.
func (r *command) open(ctx context.Context, base, head string) (err error) {
	if err := r.Tools(ctx, tools.Runtime); err != nil {
		return err
	}
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
	if r.baseProgram, err = r.base.Program(); err != nil {
		return err
	}
	if r.headProgram, err = r.head.Program(); err != nil {
		return err
	}
	r.machine, err = r.fingerprint()
	return err
}

// report goes through the environments of both sides, or those that are named.
func (r *command) report(ctx context.Context, only []string) (review.Report, error) {
	report := review.Report{Base: r.base.Name, Head: r.head.Name}
	all := slices.Concat(r.base.Environments(), r.head.Environments())
	slices.Sort(all)
	all = slices.Compact(all)
	for _, name := range only {
		if !slices.Contains(all, name) {
			return report, fmt.Errorf("there is no environment %q; there are %s", name, strings.Join(all, ", "))
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

// environment reviews one stack, and leaves nothing running.
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
		none.Changed, none.Class = true, review.Failed
		none.Errors = []string{failed.Error()}
		return none, nil
	}
	if err != nil {
		return none, err
	}
	if err := r.build(ctx, r.head, r.headProgram); err != nil {
		none.Changed, none.Class, none.Errors = true, review.Failed, []string{err.Error()}
		return none, ctx.Err()
	}
	began := time.Now()
	preview, err := b.preview(ctx, r.head.Dir)
	if err != nil {
		return none, err
	}
	fmt.Fprintf(r.Out, "%s: previewed %s (%s)\n", name, r.head.Name, time.Since(began).Round(100*time.Millisecond))
	e := review.Of(name, preview, b.protected())
	e.Notes = append(append(b.notes(), unseen(before, after)...), e.Notes...)
	return e, nil
}

// unseen are settings that the emulator replaces by its own, so that no preview shows
// what they do.
func unseen(before, after []byte) []string {
	const key = "sglang-tpu:lwsChart"
	value := func(text []byte) any {
		var config map[string]any
		_ = json.Unmarshal(text, &config) // it was written by Marshal
		return config[key]
	}
	if was, is := value(before), value(after); was != is {
		return []string{fmt.Sprintf("`%s` changes from `%v` to `%v`; the emulator uses a chart of its own, so what is in the other one is not in this report", key, was, is)}
	}
	return nil
}

// gate asks for acknowledgements. The policy is that of the base, so that a change
// cannot lift it for itself.
func (r *command) gate(ctx context.Context, report *review.Report) error {
	const file = "review.yaml"
	text, err := revision.File(ctx, r.Checkout, r.base.Commit, file)
	if err != nil {
		return err
	}
	if text == nil {
		text, err = os.ReadFile(filepath.Join(r.head.Dir, file)) // the first one that there is
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
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
