package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/proc"
	"sglang-tpu/emulator/internal/review"
	"sglang-tpu/emulator/internal/sandbox"
	"sglang-tpu/emulator/internal/tools"
)

// firstSaved is the first loopback network of saved bases. The networks of other clusters start
// at 0.
const firstSaved = 16

// format must be increased if bases that earlier versions saved can no longer be used.
const format = "1"

// base is the deployed base of one environment. It has a separate emulated cloud, which is
// stopped and saved on disk, and resumed for a preview.
type base struct {
	sandbox.Stack
	run *command
	saved
}

// saved is what a base's folder records beside the state.
type saved struct {
	Key       string   `json:"key"`       // hash of everything from which it was created
	Notes     []string `json:"notes"`     // for the report
	Protected []string `json:"protected"` // URNs of resources whose protection was removed
}

func (r *command) baseOf(name string, number int, config []byte) *base {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n", format, r.machine, r.baseProgram, config))
	// Child processes inherit both. Setenv only fails for invalid names.
	_ = os.Setenv(layout.NetworkVar, strconv.Itoa(firstSaved+number))
	_ = os.Setenv(layout.EarlierVar, "1")
	box := &sandbox.Sandbox{
		Checkout: r.Checkout, Program: r.base.Dir, Layout: layout.Layout{Root: filepath.Join(r.folder, name)}, Out: r.Out, Err: r.Err,
	}
	return &base{Stack: box.Stack(name), run: r, saved: saved{Key: hex.EncodeToString(sum[:])}}
}

// say prints a message about the environment.
func (b *base) say(text string, values ...any) {
	fmt.Fprintf(b.Out, "%s: %s\n", b.Name, fmt.Sprintf(text, values...))
}

// fingerprint returns a hash of the emulator and the tools that a base runs on. Other tools,
// such as a linter, may be built at any time.
func (r *command) fingerprint() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return layout.Hash("", "", append(tools.Stamps(r.Layout, tools.Runtime), self)...)
}

func (b *base) savedFile() string { return filepath.Join(b.Layout.Root, "base.json") }

// open resumes the saved base, or creates it.
func (b *base) open(ctx context.Context) error {
	var last saved
	if text, err := os.ReadFile(b.savedFile()); err == nil && json.Unmarshal(text, &last) == nil && last.Key == b.Key {
		began := time.Now()
		err := b.resume(ctx)
		if err == nil {
			b.saved = last
			b.say("the saved state of %s is running (%s)", b.run.base.Name, time.Since(began).Round(100*time.Millisecond))
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		b.say("the saved state of %s cannot be resumed and is created again: %v", b.run.base.Name, err)
	}
	return b.make(ctx)
}

// resume starts the cloud and waits until the controller's webhooks are ready, because a preview
// of a LeaderWorkerSet calls them.
func (b *base) resume(ctx context.Context) error {
	if err := b.Link(); err != nil {
		return err
	}
	if err := b.Daemon().Start(ctx, io.Discard); err != nil {
		return err
	}
	if err := b.Settle(ctx); err != nil {
		return err
	}
	return b.answering(ctx)
}

// answering waits until the API server accepts a dry run of a change of every LeaderWorkerSet.
func (b *base) answering(ctx context.Context) error {
	for _, file := range b.Layout.AdminKubeconfigs() {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
			out, err := b.Kubectl(ctx, "--kubeconfig", file, "annotate", "leaderworkersets.leaderworkerset.x-k8s.io",
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

// fresh starts an empty emulated cloud.
func (b *base) fresh(ctx context.Context) error {
	if err := b.Clear(b.run.Layout); err != nil {
		return err
	}
	if err := b.Tools(ctx, tools.Runtime); err != nil {
		return err
	}
	return b.Daemon().Start(ctx, io.Discard)
}

// baseFailed is the error if the base cannot be deployed.
type baseFailed struct{ reason string }

func (b *baseFailed) Error() string { return b.reason }

// make deploys and saves the base.
func (b *base) make(ctx context.Context) error {
	began := time.Now()
	b.say("bringing %s up on the emulator, which takes a minute or two; the state is saved", b.run.base.Name)
	if err := b.run.build(ctx, b.run.base, b.run.baseProgram); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &baseFailed{b.run.base.Name + ", the base, cannot be built: " + err.Error()}
	}
	if err := b.fresh(ctx); err != nil {
		return err
	}
	if err := b.Prepare(ctx); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(b.Layout.Logs(), "up.log"))
	if err != nil {
		return err
	}
	up := *b.Sandbox
	up.Out, up.Err = log, log
	err = errors.Join(up.Stack(b.Name).Change(ctx, "up", "--yes", "--skip-preview", "--non-interactive"), log.Close())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &baseFailed{fmt.Sprintf("%s, the base, does not come up, so there is nothing to compare with (the full log is in %s):\n%s", b.run.base.Name, log.Name(), proc.Tail(log.Name(), 12))}
	}
	// If the unchanged base had changes, they would be in every report.
	p, err := b.preview(ctx, b.run.base.Dir)
	if err != nil {
		return err
	}
	if e := review.Of(b.Name, p, nil); e.Changed {
		for _, i := range e.Items {
			b.Notes = append(b.Notes, "`pulumi up` of "+b.run.base.Name+", unchanged, would do this, too: "+i.Sentence)
		}
		b.Notes = append(b.Notes, e.Errors...)
	}
	if b.Protected, err = sandbox.Unprotect(b.StateFile()); err != nil {
		return err
	}
	b.say("%s is up, and was previewed unchanged (%s)", b.run.base.Name, time.Since(began).Round(time.Second))
	text, err := json.Marshal(b.saved)
	if err != nil {
		return err
	}
	return os.WriteFile(b.savedFile(), text, 0o600)
}

// preview previews a program.
func (b *base) preview(ctx context.Context, program string) (review.Preview, error) {
	box := *b.Sandbox
	box.Program = program
	stack := box.Stack(b.Name)
	if err := stack.Link(); err != nil {
		return review.Preview{}, err
	}
	if err := stack.Prepare(ctx); err != nil {
		return review.Preview{}, err
	}
	cmd := stack.Command(ctx, "preview", "--json", "--non-interactive")
	cmd.Env = append(cmd.Env, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ended := cmd.Run()
	if ctx.Err() != nil {
		return review.Preview{}, ctx.Err()
	}
	if err := os.WriteFile(filepath.Join(b.Layout.Logs(), "preview.jsonl"), stdout.Bytes(), 0o600); err != nil {
		return review.Preview{}, err
	}
	p, err := review.Read(stdout.Bytes())
	if err != nil {
		return p, err
	}
	if text := strings.TrimSpace(stderr.String()); ended != nil && len(p.Steps) == 0 && text != "" {
		p.Errors = append(p.Errors, text)
	}
	if ended != nil && len(p.Errors) == 0 {
		p.Errors = append(p.Errors, fmt.Sprintf("pulumi preview: %v\n%s", ended, stderr.String()))
	}
	return p, nil
}

// close stops the cloud. Its files remain on disk.
func (b *base) close() {
	if err := b.Daemon().Stop(); err != nil {
		fmt.Fprintf(b.Err, "emulator: %v\n", err)
	}
}
