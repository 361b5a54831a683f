// Package workflows tests the GitHub Actions workflows of this repository.
package workflows

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const root = "../../.."

type step struct {
	Uses string            `json:"uses"`
	Run  string            `json:"run"`
	If   string            `json:"if"`
	With map[string]any    `json:"with"`
	Env  map[string]string `json:"env"`
}

type job struct {
	If          string            `json:"if"`
	Permissions map[string]string `json:"permissions"`
	Environment string            `json:"environment"`
	Minutes     any               `json:"timeout-minutes"` // a number, or an expression
	Steps       []step            `json:"steps"`
}

type workflow struct {
	On          map[string]any `json:"true"` // in YAML 1.1 the key "on" is a boolean
	Permissions any            `json:"permissions"`
	Jobs        map[string]job `json:"jobs"`
	Runs        struct {
		Steps []step `json:"steps"`
	} `json:"runs"` // of a composite action
	text string
}

// all returns the workflows and composite actions by path in the repository.
func all(t *testing.T) map[string]workflow {
	t.Helper()
	found := map[string]workflow{}
	for _, pattern := range []string{".github/workflows/*.yaml", ".github/workflows/*.yml", ".github/actions/*/action.y*ml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			name, err := filepath.Rel(root, file)
			require.NoError(t, err)
			found[name] = parse(t, name, string(text))
		}
	}
	require.GreaterOrEqual(t, len(found), 7)
	return found
}

func parse(t *testing.T, name, text string) workflow {
	t.Helper()
	w := workflow{text: text}
	require.NoError(t, yaml.Unmarshal([]byte(text), &w), name)
	return w
}

func (w workflow) steps() []step {
	steps := w.Runs.Steps
	for _, j := range w.Jobs {
		steps = append(steps, j.Steps...)
	}
	return steps
}

func (w workflow) action() bool { return len(w.Runs.Steps) > 0 }

// fork reports whether the workflow runs for pull requests of forks.
func (w workflow) fork() bool {
	_, is := w.On["pull_request"]
	return is
}

var (
	pinned   = regexp.MustCompile(`uses: +([\w.-]+/[\w./-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+\n`)
	uses     = regexp.MustCompile(`uses: +[^.\s]`)
	injected = regexp.MustCompile(`\$\{\{[^}]*(github\.event|github\.head_ref|inputs\.)`)
)

// wrong returns the violations of this repository's rules in a workflow.
func (w workflow) wrong() []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if n := len(uses.FindAllString(w.text, -1)); n != len(pinned.FindAllString(w.text, -1)) {
		say("every action is pinned by its commit, with the version in a comment")
	}
	for _, word := range []string{"pull_request_target", "credentials_json", "write-all", "GOOGLE_CREDENTIALS"} {
		if strings.Contains(w.text, word) {
			say("%s is not used", word)
		}
	}
	if strings.Contains(w.text, "secrets.") || strings.Contains(w.text, "secrets: inherit") {
		say("no workflow needs a secret")
	}
	for _, s := range w.steps() {
		if injected.MatchString(s.Run) {
			say("what somebody else can write reaches a script by a variable: %s", s.Run)
		}
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
			say("a checkout leaves no token behind")
		}
	}
	if w.action() {
		return found
	}
	permissions, set := w.Permissions.(map[string]any)
	if !set {
		say("permissions are set")
	}
	for name, value := range permissions {
		if value != "read" {
			say("a workflow as a whole only reads: %s: %v", name, value)
		}
	}
	for name, j := range w.Jobs {
		if j.Minutes == nil {
			say("job %s has a time limit", name)
		}
		for permission, value := range j.Permissions {
			own := strings.Contains(j.If, "github.event.pull_request.head.repo.full_name == github.repository")
			if w.fork() && value != "read" && !own {
				say("job %s of a fork's pull request gets nothing to write: %s", name, permission)
			}
			if _, after := w.On["workflow_run"]; after && value == "write" && permission != "pull-requests" {
				say("job %s writes comments and no more", name)
			}
		}
		if _, after := w.On["workflow_run"]; after {
			for _, s := range j.Steps {
				if s.Run != "" || strings.HasPrefix(s.Uses, "actions/checkout@") {
					say("job %s, which may write, runs none of the pull request's code", name)
				}
			}
		}
	}
	return found
}

func TestTheWorkflowsKeepTheRules(t *testing.T) {
	for name, w := range all(t) {
		assert.Empty(t, w.wrong(), name)
	}
}

// TestTheRulesDetectViolations breaks one rule of a workflow at a time.
func TestTheRulesDetectViolations(t *testing.T) {
	workflows := all(t)
	for _, c := range []struct{ file, old, new, says string }{
		{"pull-request.yaml", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "pinned by its commit"},
		{"pull-request.yaml", "on:\n  pull_request:", "on:\n  pull_request_target:", "pull_request_target is not used"},
		{"pull-request.yaml", "contents: read", "contents: write", "only reads"},
		{"pull-request.yaml", "permissions:\n  contents: read\n", "", "permissions are set"},
		{"pull-request.yaml", "          persist-credentials: false\n", "", "leaves no token behind"},
		{"pull-request.yaml", "    timeout-minutes: 60\n", "    timeout-minutes: 60\n    permissions: {pull-requests: write}\n", "gets nothing to write"},
		{"pull-request.yaml", "run: .ci/run", "run: .ci/run ${{ github.event.pull_request.title }}", "by a variable"},
		{"pull-request.yaml", "NUMBER: ${{ github.event.pull_request.number }}", "NUMBER: ${{ secrets.TOKEN }}", "needs a secret"},
		{"pull-request.yaml", "timeout-minutes: 100", "continue-on-error: true", "time limit"},
		{"live-preview.yaml", "github.event.pull_request.head.repo.full_name == github.repository &&", "", "gets nothing to write"},
		{"review-comment.yaml", "pull-requests: write", "contents: write", "comments and no more"},
		{"review-comment.yaml", "    steps:\n", "    steps:\n      - run: make\n", "none of the pull request's code"},
		{"destroy.yaml", `"$TYPED" !=`, `"${{ inputs.confirmation }}" !=`, "by a variable"},
	} {
		before := workflows[".github/workflows/"+c.file].text
		require.Contains(t, before, c.old, c.file)
		broken := parse(t, c.file, strings.Replace(before, c.old, c.new, 1))
		assert.Contains(t, strings.Join(broken.wrong(), "\n"), c.says, "%s without %s", c.file, c.old)
	}
}

// TestActionlintReportsNothing checks syntax, expressions and types.
func TestActionlintReportsNothing(t *testing.T) {
	var said bytes.Buffer
	lint, err := actionlint.NewLinter(&said, &actionlint.LinterOptions{LogWriter: io.Discard, WorkingDir: root})
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yaml"))
	require.NoError(t, err)
	for i := range files {
		files[i], err = filepath.Abs(files[i])
		require.NoError(t, err)
	}
	wrong, err := lint.LintFiles(files, nil)
	require.NoError(t, err)
	assert.Empty(t, wrong, said.String())

	_, found := actionlint.Parse([]byte("on: push\njobs: {}\n"))
	assert.NotEmpty(t, found, "it does find what is wrong")
}

func TestDeploymentsNeedTheEnvironmentsApproval(t *testing.T) {
	for name, w := range all(t) {
		for id, j := range w.Jobs {
			for _, s := range j.Steps {
				if regexp.MustCompile(`pulumi (up|destroy|refresh)\b`).MatchString(s.Run) {
					assert.NotEmpty(t, j.Environment, "job %s of %s", id, name)
				}
			}
		}
	}
}

// hostedMinutes is the time limit of jobs on GitHub-hosted runners (GitHub documentation, Usage
// limits of GitHub-hosted runners).
const hostedMinutes = 360

// TestADeployIsStoppedBeforeGitHubEndsIt runs the step with different values of the variables.
func TestADeployIsStoppedBeforeGitHubEndsIt(t *testing.T) {
	programs := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(programs, "timeout"), []byte("#!/bin/sh\necho \"$@\"\n"), 0o755))
	deploy := all(t)[".github/workflows/deploy.yaml"]
	require.Len(t, deploy.Jobs, 2)
	for stack, j := range deploy.Jobs {
		assert.Equal(t, "${{ fromJSON(vars.DEPLOY_MINUTES || '360') }}", j.Minutes)
		last := j.Steps[len(j.Steps)-1]
		assert.Equal(t, "${{ vars.DEPLOY_MINUTES || '360' }}", last.Env["MINUTES"], "the job's own")
		for minutes, want := range map[int]string{hostedMinutes: "340m", 1600: "1580m"} {
			cmd := exec.Command("bash", "-eo", "pipefail", "-c", last.Run)
			cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), fmt.Sprintf("MINUTES=%d", minutes)}
			said, err := cmd.CombinedOutput()
			require.NoError(t, err, string(said))
			assert.Equal(t, "--signal=INT "+want+" pulumi up --yes --non-interactive --diff --stack "+stack+"\n", string(said))
		}
	}
}

func TestNoJobNeedsMoreThanItsRunnerHas(t *testing.T) {
	for name, w := range all(t) {
		for id, j := range w.Jobs {
			if minutes, ok := j.Minutes.(float64); ok {
				assert.LessOrEqual(t, minutes, float64(hostedMinutes), "job %s of %s", id, name)
			}
		}
	}
}

// TestDriftIgnoresTheStateOfAnEncryptedCluster runs the step with a script in place
// of pulumi.
func TestDriftIgnoresTheStateOfAnEncryptedCluster(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("jq is missing; GitHub's runners have it")
	}
	programs := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(programs, "pulumi"), []byte(`#!/bin/sh
case "$*" in
  "preview --refresh --json --stack prod") echo "$SEEN"; test "$SEEN" != broken ;;
  "preview --refresh --expect-no-changes --diff --color never --stack prod") echo "it differs"; exit 1 ;;
  *) echo "pulumi $*"; exit 2 ;;
esac
`), 0o755))
	steps := all(t)[".github/workflows/drift.yaml"].Jobs["drift"].Steps
	const encrypted = `{"op":"update","detailedDiff":{"databaseEncryption.state":{"kind":"update"}}}`
	for name, test := range map[string]struct {
		seen  string
		drift bool
	}{
		"nothing":                          {`{"steps":[{"op":"same"},{"op":"refresh","detailedDiff":null}]}`, false},
		"the word of an encrypted cluster": {`{"steps":[{"op":"same"},` + encrypted + `]}`, false},
		"another property beside it":       {`{"steps":[{"op":"update","detailedDiff":{"databaseEncryption.state":{},"enableLegacyAbac":{}}}]}`, true},
		"another key":                      {`{"steps":[{"op":"update","detailedDiff":{"databaseEncryption.keyName":{}}}]}`, true},
		"another resource":                 {`{"steps":[` + encrypted + `,{"op":"create","detailedDiff":null}]}`, true},
		"an update without a detail":       {`{"steps":[{"op":"update"}]}`, true},
		"a preview that fails":             {"broken", true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("bash", "-e", "-c", steps[len(steps)-1].Run)
			cmd.Dir = t.TempDir()
			cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "STACK=prod", "SEEN=" + test.seen}
			said, err := cmd.CombinedOutput()
			if test.drift {
				require.Error(t, err, string(said))
				return
			}
			require.NoError(t, err, string(said))
			assert.Empty(t, said)
		})
	}
}
