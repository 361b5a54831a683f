// Package portable tests that the Pulumi program is portable to systems other than Linux. The
// emulator is not: it needs Linux namespaces and mounts.
package portable

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program is the relative path of the program's module.
const program = "../../.."

// listed is a package in the output of go list.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	ImportMap  map[string]string
	Module     *struct{ Main bool }
}

// The test type-checks from source, without the function bodies of imported packages. This
// takes seconds; compiling for each system would take minutes.
func TestTheProgramTypeChecksOnOtherSystems(t *testing.T) {
	for _, system := range []string{"darwin/arm64", "windows/amd64"} {
		t.Run(system, func(t *testing.T) {
			assert.Empty(t, typeErrors(t, system, list(t, system)))
		})
	}
}

func list(t *testing.T, system string) []listed {
	t.Helper()
	goos, goarch, _ := strings.Cut(system, "/")
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,ImportMap,Module", "./...")
	cmd.Dir = program
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err, "a package has no file for %s", system)
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			require.NoError(t, err)
		}
		all = append(all, p)
	}
}

// importer has the checked packages by path.
type importer map[string]*types.Package

func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if p := i[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s has not been listed", path)
}

// renamed is the importer for a package whose imports are vendored under other paths.
type renamed struct {
	importer
	names map[string]string
}

func (r renamed) Import(path string) (*types.Package, error) {
	if other := r.names[path]; other != "" {
		path = other
	}
	return r.importer.Import(path)
}

// typeErrors checks packages that are sorted by their imports.
func typeErrors(t *testing.T, system string, packages []listed) []string {
	t.Helper()
	goos, goarch, _ := strings.Cut(system, "/")
	require.NotEmpty(t, goos)
	var found []string
	done := importer{}
	for _, p := range packages {
		if p.ImportPath == "unsafe" {
			continue
		}
		files := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			parsed = append(parsed, file)
		}
		own := p.Module != nil && p.Module.Main
		config := types.Config{
			Importer:         renamed{done, p.ImportMap},
			IgnoreFuncBodies: !own,
			FakeImportC:      true,
			Sizes:            types.SizesFor("gc", goarch),
			Error: func(err error) {
				if own {
					found = append(found, err.Error())
				}
			},
		}
		// The callback above collects the errors. Errors in the standard library may occur
		// because the compiler handles some packages specially.
		done[p.ImportPath], _ = config.Check(p.ImportPath, files, parsed, nil)
	}
	return found
}

func TestMissingFunctionsOfOtherSystemsAreFound(t *testing.T) {
	dir := t.TempDir()
	text := "package main\n\nimport \"syscall\"\n\nfunc main() { _ = syscall.Kill(1, syscall.SIGTERM) }\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o600))
	everything := append(list(t, "windows/amd64"), listed{
		ImportPath: "example", Dir: dir, GoFiles: []string{"main.go"}, Module: &struct{ Main bool }{true},
	})
	var needed []listed
	for _, p := range everything { // the program's own packages are in the way of nothing, only slow
		if p.Module == nil || p.ImportPath == "example" {
			needed = append(needed, p)
		}
	}
	found := typeErrors(t, "windows/amd64", needed)
	require.Len(t, found, 1)
	assert.Contains(t, found[0], "Kill")
}
