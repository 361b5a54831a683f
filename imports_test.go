package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "sglang-tpu"

// storey is a part of the program, and what its files may import. A test may import
// internal besides, whatever it tests.
type storey struct {
	folder string // all packages in it
	may    []string
	// shares are packages of a storey that the others in it may import; none: all of them.
	shares []string
	pulumi bool // whether it may import Pulumi's SDK and providers
}

// storeys, from top to bottom. CONTRIBUTING.md has the picture.
var storeys = []storey{
	{folder: ".", may: []string{"stacks"}, pulumi: true},
	{folder: "stacks", may: []string{"infra", "spec"}, pulumi: true},
	{folder: "infra", may: []string{"spec"}, shares: []string{"infra/component", "infra/netpolicy", "infra/nodes"}, pulumi: true},
	{folder: "spec"},
	{folder: "cmd", may: []string{"spec"}, pulumi: true},
	{folder: "internal", may: []string{"spec"}, pulumi: true},
}

// sourceFile is a Go file of the program and what it imports.
type sourceFile struct {
	name    string // path in the repository
	imports []string
}

func (f sourceFile) folder() string { return path.Dir(f.name) }
func (f sourceFile) isTest() bool   { return strings.HasSuffix(f.name, "_test.go") }

// inside reports whether a package is the folder or below it.
func inside(pkg, folder string) bool {
	return pkg == folder || folder != "." && strings.HasPrefix(pkg, folder+"/")
}

func storeyOf(pkg string) (storey, bool) {
	i := slices.IndexFunc(storeys, func(s storey) bool { return inside(pkg, s.folder) })
	if i < 0 {
		return storey{}, false
	}
	return storeys[i], true
}

// forbidden says why a file may not import something; empty: it may.
func forbidden(f sourceFile, imported string) string {
	from, ok := storeyOf(f.folder())
	if !ok {
		return "its folder is in no storey"
	}
	if strings.HasPrefix(imported, "github.com/pulumi/") {
		if !from.pulumi && !f.isTest() {
			return from.folder + " is free of Pulumi"
		}
		return ""
	}
	pkg, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return ""
	}
	to, known := storeyOf(pkg)
	switch {
	case !known:
		return "it is no part of the program"
	case to.folder == "internal":
		if f.isTest() || from.folder == "internal" {
			return ""
		}
		return "internal is for tests"
	case to.folder == from.folder:
		if len(from.shares) == 0 || slices.Contains(from.shares, pkg) || f.folder() == pkg {
			return ""
		}
		return "components do not import one another"
	case slices.Contains(from.may, to.folder):
		return ""
	}
	return from.folder + " is below " + to.folder + ", or beside it"
}

// program reads all Go files of this module.
func program(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			anotherModule := name != "." && err == nil
			if hidden := len(name) > 1 && entry.Name()[0] == '.'; hidden || anotherModule || entry.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := sourceFile{name: filepath.ToSlash(name)}
		for _, i := range parsed.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	}))
	return files
}

func TestImportsGoDownwards(t *testing.T) {
	files := program(t)
	for _, s := range storeys {
		assert.True(t, slices.ContainsFunc(files, func(f sourceFile) bool { return inside(f.folder(), s.folder) }), "no file in %s", s.folder)
	}
	for _, f := range files {
		for _, imported := range f.imports {
			if why := forbidden(f, imported); why != "" {
				assert.Fail(t, "an import against the storeys", "%s imports %s: %s", f.name, imported, why)
			}
		}
	}
}

func TestForbiddenImportsAreFound(t *testing.T) {
	for name, tc := range map[string]struct {
		file, imported string
		why            string // empty: allowed
	}{
		"main, a stack":                {"main.go", "sglang-tpu/stacks", ""},
		"main, a component":            {"main.go", "sglang-tpu/infra/tpu", "or beside it"},
		"a stack, its own package":     {"stacks/endpoint.go", "sglang-tpu/stacks/rollout", ""},
		"a stack, a component":         {"stacks/serving.go", "sglang-tpu/infra/tpu", ""},
		"a stack, a test helper":       {"stacks/serving.go", "sglang-tpu/internal/pulumitest", "for tests"},
		"a stack's test, a helper":     {"stacks/serving_test.go", "sglang-tpu/internal/pulumitest", ""},
		"a component, spec":            {"infra/tpu/slice.go", "sglang-tpu/spec/topology", ""},
		"a component, the base":        {"infra/tpu/slice.go", "sglang-tpu/infra/component", ""},
		"a component, another":         {"infra/tpu/slice.go", "sglang-tpu/infra/cluster", "one another"},
		"a component's test, another":  {"infra/tpu/slice_test.go", "sglang-tpu/infra/cluster", "one another"},
		"a component, its stack":       {"infra/tpu/slice.go", "sglang-tpu/stacks", "infra is below stacks"},
		"a component, Pulumi":          {"infra/tpu/slice.go", "github.com/pulumi/pulumi/sdk/v3/go/pulumi", ""},
		"spec, Pulumi":                 {"spec/model/plan.go", "github.com/pulumi/pulumi/sdk/v3/go/pulumi", "free of Pulumi"},
		"spec, a provider":             {"spec/model/plan.go", "github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp", "free of Pulumi"},
		"spec, spec":                   {"spec/model/plan.go", "sglang-tpu/spec/topology", ""},
		"spec, a component":            {"spec/model/plan.go", "sglang-tpu/infra/tpu", "spec is below infra"},
		"spec's test, configurations":  {"spec/settings/config_test.go", "sglang-tpu/internal/configtest", ""},
		"a command, spec":              {"cmd/doctor/checks/quota.go", "sglang-tpu/spec/topology", ""},
		"a command, a component":       {"cmd/doctor/stack.go", "sglang-tpu/infra/tpu", "cmd is below infra"},
		"spec, a command":              {"spec/model/plan.go", "sglang-tpu/cmd/doctor/checks", "spec is below cmd"},
		"a helper, a component":        {"internal/policytest/policy.go", "sglang-tpu/infra/tpu", "or beside it"},
		"the program, the emulator":    {"stacks/serving_test.go", "sglang-tpu/emulator/internal/core/cloud", "no part of the program"},
		"a package outside of storeys": {"pkg/x/x.go", "fmt", "in no storey"},
	} {
		why := forbidden(sourceFile{name: tc.file}, tc.imported)
		if tc.why == "" {
			assert.Empty(t, why, name)
			continue
		}
		assert.Contains(t, why, tc.why, name)
	}
}
