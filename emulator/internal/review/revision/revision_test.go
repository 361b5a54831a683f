package revision

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository creates a checkout with one commit.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "init", "-q", "-b", "main")
	put(t, dir, "main.go", "package main\n")
	put(t, dir, "infra/x/script.sh", "echo\n")
	put(t, dir, "infra/x/x_test.go", "package x\n")
	put(t, dir, "emulator/go.mod", "module emulator\n")
	put(t, dir, "Pulumi.yaml", "name: p\n")
	put(t, dir, "Pulumi.dev.yaml", "config:\n  a: 1\n")
	put(t, dir, "Pulumi.prod.yaml", "# reserved\nconfig:\n  a: 2\nencryptionsalt: s\n")
	commit(t, dir, "first")
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func commit(t *testing.T, dir, message string) {
	t.Helper()
	run(t, dir, "add", "-A")
	run(t, dir, "commit", "-q", "-m", message)
}

func TestTheHashCoversAllFilesOfTheProgram(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		file, text string
		matters    bool
	}{
		"code":                           {"main.go", "package main // other\n", true},
		"an embedded script":             {"infra/x/script.sh", "echo other\n", true},
		"a new file of any kind":         {"infra/x/new.tmpl", "x", true},
		"the project":                    {"Pulumi.yaml", "name: q\n", true},
		"a test":                         {"infra/x/x_test.go", "package x // other\n", false},
		"the emulator":                   {"emulator/go.mod", "module other\n", false},
		"an environment's configuration": {"Pulumi.dev.yaml", "config:\n  a: 3\n", false},
		"a page":                         {"docs/page.md", "x", false},
		"a workflow":                     {".github/workflows/x.yaml", "x", false},
		"what has to be acknowledged":    {"review.yaml", "x", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := repository(t)
			base, err := Export(ctx, dir, "HEAD", filepath.Join(t.TempDir(), "base"))
			require.NoError(t, err)
			put(t, dir, c.file, c.text)
			head, err := Copy(ctx, dir, filepath.Join(t.TempDir(), "head"))
			require.NoError(t, err)
			before, err := base.Program()
			require.NoError(t, err)
			after, err := head.Program()
			require.NoError(t, err)
			assert.Equal(t, c.matters, before != after)
			assert.Contains(t, head.Name, "the working tree on ")
		})
	}
}

func TestAnExportIsTheProgramWithoutTheEmulator(t *testing.T) {
	dir := repository(t)
	to := filepath.Join(t.TempDir(), "base")
	put(t, to, "left-over.go", "package main\n")
	tree, err := Export(context.Background(), dir, "main", to)
	require.NoError(t, err)
	assert.Equal(t, []string{"dev", "prod"}, tree.Environments())
	assert.FileExists(t, filepath.Join(to, "infra", "x", "script.sh"))
	assert.NoDirExists(t, filepath.Join(to, "emulator"))
	assert.NoFileExists(t, filepath.Join(to, "left-over.go"))
	copied := filepath.Join(t.TempDir(), "head")
	whole, err := Copy(context.Background(), dir, copied)
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(copied, "infra", "x", "script.sh"))
	assert.NoDirExists(t, filepath.Join(copied, "emulator"))
	a, err := tree.Program()
	require.NoError(t, err)
	b, err := whole.Program()
	require.NoError(t, err)
	assert.Equal(t, b, a)
	assert.Equal(t, tree.Name, whole.Name, "nothing is changed in it")
}

func TestCommentsAndSaltsAreNotPartOfTheConfiguration(t *testing.T) {
	dir := repository(t)
	ctx := context.Background()
	read := func(environment string) string {
		tree, err := Copy(ctx, dir, filepath.Join(t.TempDir(), "head"))
		require.NoError(t, err)
		text, err := tree.Config(environment)
		require.NoError(t, err)
		return string(text)
	}
	before := read("prod")
	put(t, dir, "Pulumi.prod.yaml", "config: {a: 2}\nencryptionsalt: other\n")
	assert.Equal(t, before, read("prod"))
	put(t, dir, "Pulumi.prod.yaml", "config: {a: 3}\n")
	assert.NotEqual(t, before, read("prod"))
	assert.Empty(t, read("none"))
}

func TestTrailersOfTheCommitsInBetweenAreFound(t *testing.T) {
	ctx := context.Background()
	dir := repository(t)
	base, err := Resolve(ctx, dir, "HEAD")
	require.NoError(t, err)
	put(t, dir, "main.go", "package main // a\n")
	commit(t, dir, "second\n\nWhy.\n\nReview-Acknowledged: slice-rebuild prod\nReview-Acknowledged: deletion prod, dev")
	put(t, dir, "main.go", "package main // b\n")
	commit(t, dir, "third\n\nReview-Acknowledged in the text is none")
	values, err := Trailers(ctx, dir, base, "HEAD", "Review-Acknowledged")
	require.NoError(t, err)
	assert.Equal(t, []string{"slice-rebuild prod", "deletion prod, dev"}, values)

	_, err = Resolve(ctx, dir, "no-such")
	assert.ErrorContains(t, err, `there is no commit "no-such"`)
}
