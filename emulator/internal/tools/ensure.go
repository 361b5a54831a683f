package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/layout"
)

// diskNeeded for building everything, in GiB: Go's build cache, modules and binaries.
const diskNeeded = 6

// Ensure makes every tool of a set present and up to date in l.Bin(). A fresh one costs
// a few milliseconds and says nothing. toolsDir holds one module a tool.
func Ensure(ctx context.Context, l layout.Layout, toolsDir string, set []Tool, out io.Writer) error {
	b := builder{layout: l, dir: toolsDir, out: out}
	var missing []Tool
	for _, t := range set {
		fresh, err := b.fresh(t)
		if err != nil {
			return err
		}
		if !fresh {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := b.prerequisites(); err != nil {
		return err
	}
	began := time.Now()
	for i, t := range missing {
		if err := b.provide(ctx, t, fmt.Sprintf("[%d/%d] %s", i+1, len(missing), t.Name)); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d tools made ready in %s\n", len(missing), time.Since(began).Round(time.Second))
	return nil
}

type builder struct {
	layout layout.Layout
	dir    string
	out    io.Writer
}

// stamps is the folder of what every tool was built from.
func (b builder) stamps() string { return filepath.Join(b.layout.Cache(), "tools") }

func (b builder) stamp(t Tool) string { return filepath.Join(b.stamps(), t.Name) }

// fresh compares what a tool was built from with what there is now.
func (b builder) fresh(t Tool) (bool, error) {
	want, err := b.fingerprint(t)
	if err != nil {
		return false, err
	}
	// A link to a program that has been removed since is as good as nothing.
	_, binary := os.Stat(filepath.Join(b.layout.Bin(), t.Name))
	have, stamp := os.ReadFile(b.stamp(t))
	return binary == nil && stamp == nil && string(have) == want, nil
}

// fingerprint is all that makes a tool what it is.
func (b builder) fingerprint(t Tool) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, t.Package, t.Version, t.Linker, runtime.Version())
	files, err := filepath.Glob(filepath.Join(b.dir, t.Folder, "*"))
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("%s is missing from the checkout", filepath.Join(b.dir, t.Folder))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, filepath.Base(file), len(text))
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// prerequisites says what is missing before minutes are spent.
func (b builder) prerequisites() error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("Go is not on PATH, and tools have to be built; install Go 1.26 or newer")
	}
	for _, dir := range []string{b.layout.Bin(), b.layout.Tmp(), b.stamps()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(b.layout.Root, &disk); err != nil {
		return err
	}
	if free := disk.Bavail * uint64(disk.Bsize) >> 30; free < diskNeeded {
		return fmt.Errorf("%d GiB are free where %s is; building the tools takes %d GiB", free, b.layout.Root, diskNeeded)
	}
	return nil
}

// provide links a tool that is on PATH in the right version, or builds it.
func (b builder) provide(ctx context.Context, t Tool, name string) error {
	target := filepath.Join(b.layout.Bin(), t.Name)
	next := target + ".new"
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	defer os.RemoveAll(next)
	if found := b.onPath(ctx, t); found != "" {
		fmt.Fprintf(b.out, "%s: version %s found at %s\n", name, t.Version, found)
		if err := os.Symlink(found, next); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(b.out, "%s: building version %s (the first time about %d min on two cores)\n", name, t.Version, t.Minutes)
		began := time.Now()
		if err := b.build(ctx, t, next); err != nil {
			return err
		}
		fmt.Fprintf(b.out, "%s: built in %s\n", name, time.Since(began).Round(time.Second))
	}
	if err := os.Rename(next, target); err != nil {
		return err
	}
	sum, err := b.fingerprint(t)
	if err != nil {
		return err
	}
	return os.WriteFile(b.stamp(t), []byte(sum), 0o600)
}

// onPath finds a program outside the emulator's folder that says it is that version.
func (b builder) onPath(ctx context.Context, t Tool) string {
	if len(t.Ask) == 0 {
		return ""
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		file, err := filepath.Abs(filepath.Join(dir, t.Name))
		if err != nil || filepath.Dir(file) == b.layout.Bin() {
			continue
		}
		said, err := exec.CommandContext(ctx, file, t.Ask...).Output()
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(said)) {
			if strings.TrimPrefix(word, "v") == t.Version {
				return file
			}
		}
	}
	return ""
}

// build runs go build in the tool's own module.
func (b builder) build(ctx context.Context, t Tool, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-trimpath", "-ldflags", strings.TrimSpace("-s -w "+t.Linker), "-o", to, t.Package)
	cmd.Dir = filepath.Join(b.dir, t.Folder)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "TMPDIR="+b.layout.Tmp())
	// Compilers are children of go; the group ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("building %s failed: %w\n%s%s", t.Name, err, tail(string(out), 15), advice(string(out)))
	}
	return nil
}

// advice is what helps against the usual reasons.
func advice(out string) string {
	for sign, what := range map[string]string{
		"dial tcp":                "\nThe modules could not be downloaded; check the network, or set GOPROXY to a module proxy that you can reach.",
		"i/o timeout":             "\nThe modules could not be downloaded; check the network, or set GOPROXY to a module proxy that you can reach.",
		"no space left on device": "\nThe disk is full; `go clean -cache` frees Go's build cache.",
		"signal: killed":          "\nThe compiler was killed, most likely for want of memory: 4 GiB are enough.",
		"requires go >=":          "\nYour Go is too old; install Go 1.26 or newer.",
	} {
		if strings.Contains(out, sign) {
			return what
		}
	}
	return ""
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
