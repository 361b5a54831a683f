// Command template generates a template for pulumi new: the program without its tests and
// without the emulator. Run it in the checkout: make template
//
// The template contains copies of the program's files. A template that imports the program is
// not possible, because its module is not published. The template is not in the repository, to
// avoid duplicates.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// readme is the README of the new project. pulumi new inserts its name.
//
//go:embed README.md
var readme []byte

// additional are further files of the checkout that are not part of the program's packages.
var additional = []string{"go.mod", "go.sum", "LICENSE", "docs/plan.md", "docs/server-arguments.md", "docs/troubleshooting.md"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: template FOLDER, which must be new or a template")
		os.Exit(2)
	}
	if err := write(".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// unnamed is the first line of a template's Pulumi.yaml, by which a template is recognized.
const unnamed = "name: ${PROJECT}\n"

// write writes the template of a checkout to a folder.
func write(root, folder string) error {
	if err := clear(folder); err != nil {
		return err
	}
	files, err := program(root)
	if err != nil {
		return err
	}
	for _, name := range append(files, additional...) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if placeholder(text) {
			return fmt.Errorf("%s has ${PROJECT} or ${DESCRIPTION}, which pulumi new would replace", name)
		}
		if err := save(folder, name, text); err != nil {
			return err
		}
	}
	for name, change := range map[string]func(string) (string, error){"Pulumi.yaml": projectFile, "schema/environment.json": schema} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		changed, err := change(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := save(folder, name, []byte(changed)); err != nil {
			return err
		}
	}
	return save(folder, "README.md", readme)
}

// placeholder reports whether a text contains a placeholder of pulumi new.
func placeholder(text []byte) bool {
	return bytes.Contains(text, []byte("${PROJECT}")) || bytes.Contains(text, []byte("${DESCRIPTION}"))
}

// clear removes an existing template.
func clear(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if text, err := os.ReadFile(filepath.Join(folder, "Pulumi.yaml")); err != nil || !bytes.HasPrefix(text, []byte(unnamed)) {
		return fmt.Errorf("%s is not empty, and no template; name another folder", folder)
	}
	return os.RemoveAll(folder)
}

func save(folder, name string, text []byte) error {
	file := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// program lists the files of the program's packages for all platforms, without tests.
func program(root string) ([]string, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Module,GoFiles,EmbedFiles,IgnoredGoFiles", ".")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	var files []string
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir                                 string
			Module                              *struct{ Main bool }
			GoFiles, EmbedFiles, IgnoredGoFiles []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return files, nil
		} else if err != nil {
			return nil, err
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		folder, err := filepath.Rel(absolute, p.Dir)
		if err != nil {
			return nil, err
		}
		for _, names := range [][]string{p.GoFiles, p.EmbedFiles, p.IgnoredGoFiles} {
			for _, name := range names {
				if !strings.HasSuffix(name, "_test.go") {
					files = append(files, filepath.ToSlash(filepath.Join(folder, name)))
				}
			}
		}
	}
}

// replaced replaces parts of a file that contain the project's name. Each must occur.
func replaced(text string, pairs ...string) (string, error) {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			return "", fmt.Errorf("%q is not there", pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}

// projectFile replaces name and description by placeholders of pulumi new.
func projectFile(text string) (string, error) {
	_, after, ok := strings.Cut(text, "\nruntime:")
	if !ok {
		return "", errors.New("runtime is not there")
	}
	return unnamed + "description: ${DESCRIPTION}\nruntime:" + after, nil
}

// schema changes the namespace of the keys to the new project's.
func schema(text string) (string, error) {
	return replaced(text, `"sglang-tpu:`, `"${PROJECT}:`, `/sglang-tpu:`, `/${PROJECT}:`, `(gcp|sglang-tpu):`, `(gcp|${PROJECT}):`, `of sglang-tpu"`, `of ${PROJECT}"`)
}
