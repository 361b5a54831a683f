package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/review"
)

// firstKept is the loopback network at which kept base states begin, half way up: those
// of stacks that come and go begin at 0.
const firstKept = 16

// format is raised when base states of earlier versions of this command are of no use.
const format = "1"

// state is one environment as the base has it: an emulated cloud of its own, stopped on
// disk, that is resumed for a preview.
type state struct {
	*CLI // of that emulated cloud
	name string
	key  string // of everything that it is made from
	base string // folder of the base's program
	says io.Writer
	rev  string

	build func(context.Context) error // of the base's program
}

func (r *reviewing) state(name string, number int, config []byte) *state {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n", format, r.machine, r.baseProgram, config))
	l := layout.Layout{Root: filepath.Join(r.folder, name)}
	// Every child inherits it.
	_ = os.Setenv(layout.NetworkVar, strconv.Itoa(firstKept+number)) // a valid name cannot fail
	_ = os.Setenv(layout.EarlierVar, "1")
	return &state{
		CLI:  &CLI{Checkout: r.Checkout, Program: r.base.Dir, Layout: l, Out: r.Out, Err: r.Err},
		name: name, key: hex.EncodeToString(sum[:]), base: r.base.Dir, rev: r.base.Name, says: r.Out,
	}
}

// fingerprint is what an emulated cloud and the tools in it are made from.
func (r *reviewing) fingerprint() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	stamps, err := filepath.Glob(filepath.Join(r.Layout.Cache(), "tools", "*"))
	if err != nil {
		return "", err
	}
	for _, file := range append(stamps, self) {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (s *state) keyFile() string  { return filepath.Join(s.Layout.Root, "base.key") }
func (s *state) noteFile() string { return filepath.Join(s.Layout.Root, "base.notes") }

// open resumes the state that is kept, or makes it.
func (s *state) open(ctx context.Context) error {
	if key, err := os.ReadFile(s.keyFile()); err == nil && string(key) == s.key {
		began := time.Now()
		err := s.resume(ctx)
		if err == nil {
			fmt.Fprintf(s.says, "%s: the kept state of %s is running (%s)\n", s.name, s.rev, time.Since(began).Round(100*time.Millisecond))
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(s.says, "%s: the kept state of %s cannot be resumed and is made anew: %v\n", s.name, s.rev, err)
	}
	return s.make(ctx)
}

// resume starts the cloud and waits until the controller's webhooks answer, which a
// preview of a LeaderWorkerSet goes through.
func (s *state) resume(ctx context.Context) error {
	if err := s.link(); err != nil {
		return err
	}
	if err := s.quiet().startDaemon(ctx); err != nil {
		return err
	}
	if err := s.settle(ctx, s.name); err != nil {
		return err
	}
	return s.answering(ctx)
}

// quiet says nothing of what it does.
func (s *state) quiet() *CLI {
	c := *s.CLI
	c.Out = io.Discard
	return &c
}

// answering tries a change of every LeaderWorkerSet, without making it, until the API
// server takes it.
func (s *state) answering(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(s.Layout.Root, "clusters", "*", "admin.kubeconfig"))
	if err != nil {
		return err
	}
	for _, file := range files {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
			out, err := s.kubectl(ctx, s.name, "--kubeconfig", file, "annotate", "leaderworkersets.leaderworkerset.x-k8s.io",
				"--all", "--all-namespaces", "--overwrite", "--dry-run=server", "sglang-tpu/review=asked").CombinedOutput()
			if err == nil || strings.Contains(string(out), "the server doesn't have a resource type") {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the LeaderWorkerSet controller does not answer: %s", out)
			}
		}
	}
	return nil
}

// fresh is an emulated cloud with nothing in it.
func (s *state) fresh(ctx context.Context) error {
	if err := s.quiet().stopDaemon(); err != nil {
		return err
	}
	if err := os.RemoveAll(s.Layout.Root); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Layout.Root, 0o700); err != nil {
		return err
	}
	// Tools are built once for the checkout: this folder is in the checkout's.
	above := layout.Layout{Root: filepath.Dir(filepath.Dir(s.Layout.Root))}
	for from, to := range map[string]string{s.Layout.Bin(): above.Bin(), s.Layout.Cache(): above.Cache()} {
		if err := os.Symlink(to, from); err != nil {
			return err
		}
	}
	if err := s.tools(ctx, options{}); err != nil {
		return err
	}
	return s.quiet().startDaemon(ctx)
}

// baseFailed is a base that does not come up: there is nothing to review against.
type baseFailed struct{ said string }

func (b *baseFailed) Error() string { return b.said }

// make brings the base up from nothing, and keeps it.
func (s *state) make(ctx context.Context) error {
	began := time.Now()
	fmt.Fprintf(s.says, "%s: bringing %s up on the emulator, which takes a minute or two; the state is kept\n", s.name, s.rev)
	if err := s.build(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &baseFailed{s.rev + ", the base, cannot be built: " + err.Error()}
	}
	if err := s.fresh(ctx); err != nil {
		return err
	}
	if err := s.prepare(ctx, options{Stack: s.name}); err != nil {
		return err
	}
	log := &bytes.Buffer{}
	up := *s.CLI
	up.Out, up.Err = log, log
	err := up.change(ctx, s.name, "up", "--yes", "--skip-preview", "--non-interactive")
	file := filepath.Join(s.Layout.Logs(), "up.log")
	if wrong := os.WriteFile(file, log.Bytes(), 0o600); wrong != nil {
		return errors.Join(err, wrong)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &baseFailed{fmt.Sprintf("%s, the base, does not come up, so there is nothing to compare with (the whole log is %s):\n%s", s.rev, file, lastLines(file, 12))}
	}
	// A base that would change without being changed would make every report wrong.
	p, err := s.preview(ctx, s.base)
	if err != nil {
		return err
	}
	notes := ""
	if e := review.Of(s.name, p, nil); e.Changed {
		for _, i := range e.Items {
			notes += "`pulumi up` of " + s.rev + ", unchanged, would do this, too: " + i.Sentence + "\n"
		}
		notes += strings.Join(e.Errors, "\n")
	}
	if err := os.WriteFile(s.noteFile(), []byte(notes), 0o600); err != nil {
		return err
	}
	if err := s.unprotect(); err != nil {
		return err
	}
	fmt.Fprintf(s.says, "%s: %s is up, and steady (%s)\n", s.name, s.rev, time.Since(began).Round(time.Second))
	return os.WriteFile(s.keyFile(), []byte(s.key), 0o600)
}

func (s *state) protectedFile() string { return filepath.Join(s.Layout.Root, "base.protected") }

// unprotect takes protection out of the kept state and notes down what had it.
func (s *state) unprotect() error {
	text, err := os.ReadFile(s.stateFile(s.name))
	if err != nil {
		return err
	}
	changed, protected, err := review.Unprotect(text)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.protectedFile(), []byte(strings.Join(protected, "\n")), 0o600); err != nil {
		return err
	}
	return os.WriteFile(s.stateFile(s.name), changed, 0o600)
}

// protected are the URNs of what the base protects.
func (s *state) protected() []string {
	text, err := os.ReadFile(s.protectedFile())
	if err != nil {
		return nil // a new environment has none
	}
	return strings.Split(string(text), "\n")
}

// notes are what is to be known of the base.
func (s *state) notes() []string {
	text, err := os.ReadFile(s.noteFile())
	if err != nil || len(text) == 0 {
		return nil // there are none
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// preview asks the engine what a program would change.
func (s *state) preview(ctx context.Context, program string) (review.Preview, error) {
	c := *s.CLI
	c.Program = program
	if err := c.link(); err != nil {
		return review.Preview{}, err
	}
	if err := c.prepare(ctx, options{Stack: s.name}); err != nil {
		return review.Preview{}, err
	}
	cmd := c.command(ctx, s.name, "preview", "--json", "--non-interactive")
	cmd.Env = append(cmd.Env, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true")
	var said, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &wrong
	cmd.Cancel = func() error {
		if errors.Is(context.Cause(ctx), errInterrupt) {
			return nil // the terminal has told it
		}
		return cmd.Process.Signal(syscall.SIGINT)
	}
	cmd.WaitDelay = time.Minute
	ended := cmd.Run()
	if ctx.Err() != nil {
		return review.Preview{}, ctx.Err()
	}
	if err := os.WriteFile(filepath.Join(s.Layout.Logs(), "preview.jsonl"), said.Bytes(), 0o600); err != nil {
		return review.Preview{}, err
	}
	p, err := review.Read(said.Bytes())
	if err != nil {
		return p, err
	}
	if text := strings.TrimSpace(wrong.String()); ended != nil && len(p.Steps) == 0 && text != "" {
		p.Errors = append(p.Errors, text)
	}
	if ended != nil && len(p.Errors) == 0 {
		p.Errors = append(p.Errors, fmt.Sprintf("pulumi preview: %v\n%s", ended, wrong.String()))
	}
	return p, nil
}

// close stops the cloud; what is on disk is kept.
func (s *state) close() {
	if err := s.quiet().stopDaemon(); err != nil {
		fmt.Fprintf(s.Err, "emulator: %v\n", err)
	}
}
