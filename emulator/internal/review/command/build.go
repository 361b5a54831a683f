package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/review/revision"
	"sglang-tpu/emulator/internal/sandbox"
)

// builtKept is how many built programs stay: a few bases and a few heads.
const builtKept = 6

// build makes a program's binary, unless one of the same sources is there, and makes
// the program's project run it. Otherwise Pulumi would link the program at each
// preview, which takes longer than the preview itself.
func (r *command) build(ctx context.Context, t revision.Tree, hash string) error {
	binary := filepath.Join(r.folder, "built", hash[:16])
	if _, err := os.Stat(binary); errors.Is(err, os.ErrNotExist) {
		began := time.Now()
		for _, dir := range []string{filepath.Dir(binary), r.Layout.Tmp()} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", binary+".new", ".")
		cmd.Dir = t.Dir
		if t.Source != "" {
			cmd.Dir = t.Source // where most of it has been compiled already
		}
		cmd.Env = append(r.Environ(""), "GOWORK=off", "CGO_ENABLED=0") // as the language host compiles it
		// Compilers are children of go; the group ends with it.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = 5 * time.Second
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build of %s: %w\n%s", t.Name, err, out)
		}
		if err := os.Rename(binary+".new", binary); err != nil {
			return err
		}
		fmt.Fprintf(r.Out, "built the program of %s (%s)\n", t.Name, time.Since(began).Round(100*time.Millisecond))
		if err := prune(filepath.Dir(binary)); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return r.runs(t.Dir, binary)
}

// runs changes the project in a folder, which is a copy, so that it runs a binary. The
// language host that the emulator builds takes it as a flag only: it does not know the
// option of a project's runtime.
func (r *command) runs(folder, binary string) error {
	host := filepath.Join(folder, ".host")
	if err := os.MkdirAll(host, 0o755); err != nil {
		return err
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %s -binary=%s \"$@\"\n", sandbox.Quote(filepath.Join(r.Layout.Bin(), sandbox.LanguageHost)), sandbox.Quote(binary))
	if err := os.WriteFile(filepath.Join(host, "pulumi-language-go"), []byte(script), 0o755); err != nil {
		return err
	}
	file := filepath.Join(folder, "Pulumi.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var project map[string]any
	if err := yaml.Unmarshal(text, &project); err != nil {
		return fmt.Errorf("Pulumi.yaml: %w", err)
	}
	project["plugins"] = map[string]any{"languages": []any{map[string]any{"name": "go", "path": host}}}
	if text, err = yaml.Marshal(project); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// prune removes the oldest binaries.
func prune(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	made := map[string]time.Time{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		made[e.Name()] = info.ModTime()
	}
	sort.Slice(entries, func(i, j int) bool { return made[entries[i].Name()].After(made[entries[j].Name()]) })
	for _, e := range entries[min(len(entries), builtKept):] {
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
