package e2e

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers maps a part of a question of pulumi new to the user's answer.
var answers = map[string]string{
	"Project name":        "my.endpoint",
	"Project description": "Models of mine",
	"Stack name":          "first",
	"(gcp:project)":       "emulated-project",
	"(gcp:zone)":          "", // which proposes one
	"(hfToken)":           "", // none
	"(apiKey)":            "key-of-clients",
}

// TestPulumiNew creates a project with another name from the template, deploys it and sends a
// request to the server. The project does not use the checkout.
func TestPulumiNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProject{w: w, dir: filepath.Join(w.root, "my-endpoint")}
	step := steps(t)
	step("questions are asked and answered", func(t *testing.T) {
		w.emulator(t, "start", "dev")
		template := filepath.Join(w.root, "template")
		maker := exec.Command("go", "run", "./internal/template", template)
		maker.Dir = w.checkout
		out, err := maker.CombinedOutput()
		require.NoError(t, err, string(out))
		p.create(t, template)
	})
	step("the project has its own name and keys, and no emulator", func(t *testing.T) {
		stack := read(t, filepath.Join(p.dir, "Pulumi.first.yaml"))
		assert.Contains(t, stack, "gcp:project: emulated-project")
		assert.Contains(t, stack, "gcp:zone: us-central1-c")
		assert.Regexp(t, `my\.endpoint:apiKey:\s+secure: v1:`, stack)
		assert.NotContains(t, stack, "key-of-clients")
		assert.Contains(t, read(t, filepath.Join(p.dir, "schema", "environment.json")), `"my.endpoint:topology"`)
		assert.NoDirExists(t, filepath.Join(p.dir, "emulator"))
		files := strings.Fields(p.run(t, "find . -type f"))
		assert.Less(t, len(files), 150)
		for _, file := range files {
			assert.NotContains(t, read(t, filepath.Join(p.dir, file)), "${PROJECT}", file)
		}
	})
	step("what is wrong is named with its line", func(t *testing.T) {
		out, err := p.try("pulumi config set topology 2x2 && pulumi config set sglang-tpu:topology 2x2x1 && pulumi preview --color never")
		require.Error(t, err)
		assert.Contains(t, out, "config my.endpoint:topology: is set, and so is sglang-tpu:topology, which is the same setting; remove one of the two")
		out, err = p.try("pulumi config rm sglang-tpu:topology && pulumi config set --path 'sglang-tpu:labels.team' a && pulumi preview --color never")
		require.Error(t, err)
		assert.Regexp(t, `Pulumi\.first\.yaml:\d+: config my\.endpoint:topology: "2x2" is not a tpu7x topology`, out)
		assert.NotContains(t, out, "labels", "a key of this program's namespace goes on working")
		p.run(t, "pulumi config rm topology")
	})
	step("up ends with an answer", func(t *testing.T) {
		p.run(t, "pulumi config set lwsChart "+filepath.Join(w.root, "lws", "chart"))
		p.run(t, "pulumi up --yes --skip-preview --color never")
		p.run(t, `pulumi stack output --show-secrets kubeconfig 2>/dev/null >"$KUBECONFIG" && kubectl config set-context --current --namespace sglang`)
		port8000.Lock()
		defer port8000.Unlock()
		assert.Contains(t, p.run(t, forward+p.run(t, "pulumi stack output curlCommand 2>/dev/null")), `"completion_tokens":10`)
	})
	step("destroy leaves nothing", func(t *testing.T) {
		p.run(t, "pulumi destroy --yes --skip-preview --color never")
		assert.Contains(t, w.emulator(t, "down", "dev"), "the emulator is stopped")
		w.requireNothingLeft(t)
	})
}

// newProject is a project that pulumi new has created.
type newProject struct {
	w   *world
	dir string
}

// environ returns a user's environment, with the emulator's tools and cloud and a separate
// backend.
func (p newProject) environ() []string {
	env := slices.DeleteFunc(p.w.environ("dev"), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == "PULUMI_STACK" || name == "PULUMI_OPTION_CONFIG_FILE" || name == "PULUMI_BACKEND_URL"
	})
	return append(env, "PULUMI_BACKEND_URL=file://"+p.dir+"-state", "TERM=xterm")
}

// create runs pulumi new on a terminal and answers its questions.
func (p newProject) create(t *testing.T, template string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(p.dir+"-state", 0o700))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := p.w.command(ctx, "bash", "-c", `exec pulumi new "$0" --dir "$1"`, template, p.dir)
	cmd.Env = p.environ()
	cmd.SysProcAttr = nil // pty.Start creates a session
	cmd.Cancel = nil
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
	require.NoError(t, err)
	defer terminal.Close()
	s := &screen{left: maps.Clone(answers)}
	go s.read(terminal)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			require.NoError(t, err, s.all())
			require.Empty(t, s.left, "not asked\n%s", s.all())
			return
		case <-time.After(200 * time.Millisecond):
		}
		if answer, ok := s.question(); ok {
			_, err := terminal.WriteString(answer + "\r")
			require.NoError(t, err)
		}
	}
}

// screen is the output of a command on its terminal.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen int               // offset after the last answered question
	left map[string]string // remaining answers
}

func (s *screen) read(terminal *os.File) {
	part := make([]byte, 4096)
	for {
		n, err := terminal.Read(part)
		s.mu.Lock()
		s.text.Write(part[:n])
		s.mu.Unlock()
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return // reading a closed terminal is an error
		}
	}
}

func (s *screen) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// control matches the control sequences of terminals.
var control = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x1b\a]*(\x1b\\|\a)`)

// question returns the answer to the current question; false if there is none.
func (s *screen) question() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := control.ReplaceAllString(s.text.String()[s.seen:], "")
	for part, answer := range s.left {
		// A question ends with a colon, followed by the answer.
		if i := strings.LastIndex(last, part); i >= 0 && strings.Contains(last[i:], ": ") {
			s.seen = s.text.Len()
			delete(s.left, part) // a terminal shows a question again with its answer
			return answer, true
		}
	}
	return "", false
}

func (p newProject) run(t *testing.T, line string) string {
	t.Helper()
	out, err := p.try(line)
	require.NoError(t, err, "%s\n%s", line, out)
	return out
}

func (p newProject) try(line string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 12*time.Minute)
	defer cancel()
	cmd := p.w.command(ctx, "bash", "-c", line)
	cmd.Dir, cmd.Env = p.dir, p.environ()
	out, err := cmd.CombinedOutput()
	return string(out), err
}
