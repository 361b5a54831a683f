// Package revision reads the program at a git revision, and compares revisions by what affects
// a stack.
package revision

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/proc"
)

// Tree is the program at one revision, in a folder.
type Tree struct {
	Dir    string
	Source string   // the checkout, if it is a copy of the working tree
	Name   string   // for output: a short commit, or the working tree
	Commit string   // for a working tree, HEAD
	files  []string // paths in the folder, with slashes
}

// git runs git in a checkout.
func git(ctx context.Context, checkout string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = checkout
	return proc.Output(cmd)
}

// Resolve returns the full hash of a revision's commit.
func Resolve(ctx context.Context, checkout, name string) (string, error) {
	out, err := git(ctx, checkout, "rev-parse", "--verify", "--quiet", name+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("there is no commit %q in %s", name, checkout)
	}
	return strings.TrimSpace(string(out)), nil
}

// Default returns the default base of a change: the merge base of HEAD and origin/main, or HEAD
// if there is none.
func Default(ctx context.Context, checkout string) (string, error) {
	if out, err := git(ctx, checkout, "merge-base", "HEAD", "origin/main"); err == nil {
		return strings.TrimSpace(string(out)), nil
	}
	return Resolve(ctx, checkout, "HEAD")
}

// Copy copies the program in the working tree, without ignored files, to a folder, which it
// empties first.
func Copy(ctx context.Context, checkout, dir string) (Tree, error) {
	commit, err := Resolve(ctx, checkout, "HEAD")
	if err != nil {
		return Tree{}, err
	}
	t := Tree{Dir: dir, Source: checkout, Name: short(commit), Commit: commit}
	changed, err := git(ctx, checkout, "status", "--porcelain")
	if err != nil {
		return t, err
	}
	if len(bytes.TrimSpace(changed)) > 0 {
		t.Name = "the working tree on " + t.Name
	}
	found, err := git(ctx, checkout, "ls-files", "-z", "-co", "--exclude-standard")
	if err != nil {
		return t, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return t, err
	}
	for _, name := range strings.Split(strings.TrimRight(string(found), "\x00"), "\x00") {
		from := filepath.Join(checkout, name)
		if info, err := os.Lstat(from); err != nil || !info.Mode().IsRegular() || inEmulator(name) {
			continue // such as a file that is deleted and still in the index
		}
		f, err := os.Open(from)
		if err != nil {
			return t, err
		}
		if err := errors.Join(write(filepath.Join(dir, name), f, 0o644), f.Close()); err != nil {
			return t, err
		}
		t.files = append(t.files, name)
	}
	return t, nil
}

func short(commit string) string { return commit[:min(len(commit), 10)] }

// Export writes the program at a revision to a folder, which it empties first. Using the same
// folder each time makes later builds of the program faster.
func Export(ctx context.Context, checkout, name, dir string) (Tree, error) {
	commit, err := Resolve(ctx, checkout, name)
	if err != nil {
		return Tree{}, err
	}
	t := Tree{Dir: dir, Name: short(commit), Commit: commit}
	if err := os.RemoveAll(dir); err != nil {
		return t, err
	}
	archive, err := git(ctx, checkout, "archive", "--format=tar", commit)
	if err != nil {
		return t, err
	}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(t.files)
			return t, nil
		}
		if err != nil {
			return t, err
		}
		name := path.Clean(header.Name)
		if header.Typeflag != tar.TypeReg || !filepath.IsLocal(name) || inEmulator(name) {
			continue
		}
		if err := write(filepath.Join(dir, name), r, fs.FileMode(header.Mode)); err != nil {
			return t, err
		}
		t.files = append(t.files, name)
	}
}

func write(file string, from io.Reader, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode&0o777|0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, from); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// inEmulator reports whether a file belongs to the emulator, not to the program.
func inEmulator(file string) bool { return strings.HasPrefix(file, "emulator/") }

// matters reports whether a file may affect what the program registers. It returns false only
// for files that are known to be harmless.
func matters(file string) bool {
	base := path.Base(file)
	top, _, nested := strings.Cut(file, "/")
	switch {
	case inEmulator(file), nested && (top == "docs" || top == ".github" || top == ".ci"),
		strings.Contains("/"+file, "/testdata/"), strings.HasSuffix(base, "_test.go"), strings.HasSuffix(base, ".md"):
		return false
	case !nested && (base == "LICENSE" || base == "Makefile" || base == "review.yaml" || strings.HasPrefix(base, ".")):
		return false
	case !nested && strings.HasPrefix(base, "Pulumi.") && base != "Pulumi.yaml":
		return false // the file of an environment; see Config
	}
	return true
}

// Program returns a hash of all files that affect the program.
func (t Tree) Program() (string, error) {
	files := slices.DeleteFunc(slices.Clone(t.files), func(file string) bool { return !matters(file) })
	slices.Sort(files)
	return layout.Hash("", t.Dir, files...)
}

// Environments returns the names of the stacks that have a Pulumi.<stack>.yaml.
func (t Tree) Environments() []string {
	var names []string
	for _, file := range t.files {
		if name, ok := strings.CutPrefix(file, "Pulumi."); ok && strings.HasSuffix(name, ".yaml") && !strings.Contains(name, "/") {
			names = append(names, strings.TrimSuffix(name, ".yaml"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Config returns the configuration of an environment as JSON, without comments and encryption
// settings; nil if the environment does not exist.
func (t Tree) Config(environment string) ([]byte, error) {
	if !slices.Contains(t.Environments(), environment) {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(t.Dir, "Pulumi."+environment+".yaml"))
	if err != nil {
		return nil, err
	}
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("Pulumi.%s.yaml: %w", environment, err)
	}
	return json.Marshal(file["config"])
}

// Trailers returns the values of a trailer in the messages of the commits after base up to
// head.
func Trailers(ctx context.Context, checkout, base, head, key string) ([]string, error) {
	out, err := git(ctx, checkout, "log", "--format=%(trailers:key="+key+",valueonly,separator=%x0A)", base+".."+head)
	if err != nil {
		return nil, err
	}
	var values []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" {
			values = append(values, line)
		}
	}
	return values, nil
}
