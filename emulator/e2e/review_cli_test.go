package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReview reviews a change that affects only prod.
func TestReview(t *testing.T) {
	parallel(t, 85)
	w := newWorld(t)
	repository := w.repository(t)
	file := filepath.Join(repository, "Pulumi.prod.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), "your-reservation", "another-reservation", 1)), 0o600))
	require.NotEqual(t, string(text), read(t, file))

	out, code := w.review(t, repository)
	assert.Equal(t, 13, code, "a slice rebuild in a protected environment that nobody acknowledged:\n%s", out)
	assert.Regexp(t, "^comparing the working tree on [0-9a-f]{10} with [0-9a-f]{10}\n", out, "it says at once what it does")
	assert.Contains(t, out, "building the program of ", "and that it compiles")
	assert.Contains(t, out, "dev: same program, same configuration: no change")
	report := read(t, filepath.Join(w.root, "review", "review.md"))
	assert.Contains(t, report, "| dev | no change |")
	assert.Contains(t, report, "TPU slice 0 is replaced: ")
	assert.Contains(t, report, "another-reservation")
	assert.Contains(t, report, "Review-Acknowledged: slice-rebuild prod")
	assert.Contains(t, report, "`pulumi up` refuses this: it would delete ")
	assert.Less(t, strings.Index(report, "| **prod** |"), strings.Index(report, "| dev | no change |"))
	assert.Contains(t, read(t, filepath.Join(w.root, "review", "review.json")), `"review: slice-rebuild"`)
	assert.Empty(t, w.processes())

	commit(t, repository, "Another reservation\n\nReview-Acknowledged: slice-rebuild prod")
	began := time.Now()
	out, code = w.review(t, repository, "-base", "HEAD^")
	took := time.Since(began)
	assert.Equal(t, 0, code, out)
	assert.Contains(t, out, "the saved state of ")
	assert.Contains(t, out, "Acknowledged: slice-rebuild prod")
	fmt.Printf("    warm review of one environment: %s\n", took.Round(100*time.Millisecond))

	// An interrupted review leaves nothing running.
	b, err := start(w.reviewCommand(context.Background(), repository, "-base", "HEAD^"))
	require.NoError(t, err)
	time.Sleep(3 * time.Second)
	require.NoError(t, syscall.Kill(-b.cmd.Process.Pid, syscall.SIGINT))
	<-b.done
	require.Eventually(t, func() bool { return len(w.processes()) == 0 }, 30*time.Second, 100*time.Millisecond, "%v", w.processes())
}

// repository creates a repository with this checkout's program in one commit.
func (w *world) repository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(w.root, "repository")
	out, err := exec.Command("git", "-C", w.checkout, "ls-files", "-co", "--exclude-standard").Output()
	require.NoError(t, err)
	for _, file := range strings.Fields(string(out)) {
		if strings.HasPrefix(file, "emulator/") && !strings.HasPrefix(file, "emulator/tools/") {
			continue
		}
		if _, err := os.Stat(filepath.Join(w.checkout, file)); err == nil {
			require.NoError(t, copyFile(filepath.Join(w.checkout, file), filepath.Join(dir, file)))
		}
	}
	git(t, dir, "init", "-q", "-b", "main")
	commit(t, dir, "Base")
	return dir
}

func commit(t *testing.T, dir, message string) {
	t.Helper()
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", message)
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

func (w *world) reviewCommand(ctx context.Context, repository string, args ...string) *exec.Cmd {
	cmd := w.command(ctx, filepath.Join(w.checkout, "bin", "emulator"), append([]string{"review"}, args...)...)
	cmd.Dir = repository
	return cmd
}

// review runs a review and returns its output and exit code.
func (w *world) review(t *testing.T, repository string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	began := time.Now()
	out, err := w.reviewCommand(ctx, repository, args...).CombinedOutput()
	fmt.Printf("    emulator review %s: %s\n", strings.Join(args, " "), time.Since(began).Round(time.Second))
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), exit.ExitCode()
	}
	require.NoError(t, err, string(out))
	return string(out), 0
}
