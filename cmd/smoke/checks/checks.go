// Package checks asks a stack that is up whether it serves: its pods, its Service, and the
// model server with the requests of a client. It changes nothing; the model server makes a
// few tokens.
package checks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sglang-tpu/cmd/internal/process"
	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/spec/names"
)

// Machine runs commands. Tests answer in its place.
type Machine interface {
	// Run returns what the command wrote to standard output. The error of a command that
	// failed is a *process.Error.
	Run(ctx context.Context, command ...string) ([]byte, error)
	// Save writes a kubeconfig to a file that only this user can read, and returns its path.
	Save(kubeconfig string) (string, error)
	// Forward starts a kubectl port-forward and returns the local address, as HOST:PORT,
	// and what ends it.
	Forward(ctx context.Context, command ...string) (address string, stop func(), err error)
}

// Names of the checks, in their order.
const (
	stackCheck   = "stack"
	clusterCheck = "cluster"
	ranksCheck   = "ranks"
	serviceCheck = "service"
	forwardCheck = "port-forward"
	keyCheck     = "API key"
	modelCheck   = "model"
	chatCheck    = "chat"
	streamCheck  = "stream"
	compileCheck = "compilation"
	leadersCheck = "leaders"
)

// ofServer are the checks that send requests through the Service, and ofCluster all that
// need a cluster that answers.
var (
	ofServer  = []string{keyCheck, modelCheck, chatCheck, streamCheck, compileCheck}
	ofCluster = append(append([]string{ranksCheck, serviceCheck, forwardCheck}, ofServer...), leadersCheck)
)

// questions is one run of all checks.
type questions struct {
	Machine
	stack    string
	patience time.Duration // how long one request may take
	out      outputs
	config   string // path of the kubeconfig
	key      string // empty: none is sent
	findings []report.Finding
}

// All runs every check on a stack in order. The patience is how long one request may take.
// A question that cannot be put because an earlier check failed is left out, and said to be.
func All(ctx context.Context, m Machine, stack string, patience time.Duration) []report.Finding {
	q := &questions{Machine: m, stack: stack, patience: patience}
	if missing := q.readStack(ctx); missing != "" {
		q.skip(missing, append([]string{clusterCheck}, ofCluster...)...)
		return q.findings
	}
	leaders, reached := q.ranks(ctx)
	if !reached {
		q.skip("needs the cluster", ofCluster...)
		return q.findings
	}
	q.service(ctx)
	haveKey := q.readKey(ctx)
	q.server(ctx, haveKey)
	q.leaders(ctx, leaders, haveKey)
	return q.findings
}

// add keeps a finding. No text of a server or a command can carry the API key out.
func (q *questions) add(f report.Finding) {
	if q.key != "" {
		f.Says, f.Do = strings.ReplaceAll(f.Says, q.key, "(the API key)"), strings.ReplaceAll(f.Do, q.key, "(the API key)")
	}
	q.findings = append(q.findings, f)
}

func (q *questions) ok(check, says string, values ...any) {
	q.add(report.Finding{Check: check, Status: report.OK, Says: fmt.Sprintf(says, values...)})
}

func (q *questions) fail(check, says, do string) {
	q.add(report.Finding{Check: check, Status: report.Failed, Says: says, Do: do})
}

// skip reports checks that cannot be run.
func (q *questions) skip(says string, checks ...string) {
	for _, check := range checks {
		q.add(report.Finding{Check: check, Status: report.Unknown, Says: says})
	}
}

// kubectl is a command on the stack's own cluster, whichever the current context is.
func (q *questions) kubectl(args ...string) []string {
	return append([]string{"kubectl", "--kubeconfig", q.config, "--namespace", q.out.Namespace}, args...)
}

// get reads objects. A server that cannot be reached is given up after 20 seconds.
func (q *questions) get(ctx context.Context, args ...string) ([]byte, error) {
	return q.Run(ctx, q.kubectl(append([]string{"get", "--request-timeout=20s", "-o", "json"}, args...)...)...)
}

// typed is a kubectl command as a person types it after getCredentialsCommand.
func (q *questions) typed(args string) string {
	return "kubectl -n " + q.out.Namespace + " " + args
}

// logs is the command that shows what the leaders say.
func (q *questions) logs() string {
	return q.typed("logs -l " + q.leaderSelector() + " --all-containers --tail 50")
}

// leaderSelector selects the leaders of all groups.
func (q *questions) leaderSelector() string {
	return fmt.Sprintf("%s=%s,%s=0", names.SetLabel, q.out.Set, names.WorkerLabel)
}

// message is what a command says of its failure. kubectl logs before it says what is wrong,
// so the last line counts.
func message(err error) string {
	var failed *process.Error
	if errors.As(err, &failed) {
		lines := strings.Split(strings.TrimSpace(failed.Stderr), "\n")
		if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
			return last
		}
	}
	return err.Error()
}

// mostShown is how much of a text is quoted, in characters.
const mostShown = 160

// excerpt is the beginning of a text, in one line.
func excerpt(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > mostShown {
		return string(runes[:mostShown]) + "..."
	}
	return string(runes)
}
