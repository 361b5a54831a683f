// Package checks asks whether the stack can be deployed from this machine, by this account
// and into its project. Everything that it does only reads.
package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"sglang-tpu/spec/prerequisites"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/settings"
)

// Status is how a check ended.
type Status string

// Failed is the only one that keeps a stack from coming up.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Unknown Status = "not asked" // the question could not be put, or got no answer
	Failed  Status = "FAILED"
)

// Finding is what one check found.
type Finding struct {
	Check  string
	Status Status
	Says   string // what was found, in one sentence
	Do     string // what to type or where to go; empty if nothing is to be done
}

// Machine runs commands and asks Google's APIs. Tests answer in its place.
type Machine interface {
	// Run returns what the command wrote to standard output. The error of a command that
	// is missing wraps exec.ErrNotFound; that of one that failed is a *CommandError.
	Run(ctx context.Context, command ...string) ([]byte, error)
	// Post sends JSON with a bearer token, on the quota of a project. The error of an
	// answer that is not 200 holds Google's message.
	Post(ctx context.Context, url, token, project string, body any) ([]byte, error)
}

// CommandError is a command that ended with another exit code than 0.
type CommandError struct {
	Command []string
	Stderr  string
}

// Error is the command's own message: the first line that it wrote to standard error.
func (e *CommandError) Error() string {
	line, _, _ := strings.Cut(strings.TrimSpace(e.Stderr), "\n")
	if line == "" {
		return strings.Join(e.Command, " ") + " failed and wrote no message"
	}
	return line
}

// Stack is what is to be deployed.
type Stack struct {
	Name string
	// Project and Zone are as they are set, even if the rest is refused; empty: not set.
	Project, Zone string
	// Settings are nil if there are Problems with the configuration.
	Settings *settings.Config
	Problems problem.List
}

// questions is one run of all checks.
type questions struct {
	Machine
	stack    Stack
	findings []Finding
}

// All runs every check in order. A question that cannot be put because an earlier check
// failed is left out, and said to be.
func All(ctx context.Context, m Machine, stack Stack) []Finding {
	q := &questions{Machine: m, stack: stack}
	for _, tool := range prerequisites.Tools {
		q.tool(ctx, tool)
	}
	q.configuration()
	loggedIn, token := q.login(ctx)
	if q.stack.Project == "" || !loggedIn {
		q.add(Finding{Check: "project", Status: Unknown, Says: "needs gcp:project, gcloud and its login"})
	} else if q.project(ctx) {
		q.billing(ctx)
		enabled := q.apis(ctx)
		q.roles(ctx, token)
		q.compute(ctx, enabled)
	}
	q.beyond()
	return q.findings
}

func (q *questions) add(f Finding) { q.findings = append(q.findings, f) }

// ask runs a command and reads its JSON.
func (q *questions) ask(ctx context.Context, into any, command ...string) error {
	out, err := q.Run(ctx, append(command, "--format=json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("%s: cannot read the answer: %w", strings.Join(command, " "), err)
	}
	return nil
}

// configuration reports what the program itself would refuse.
func (q *questions) configuration() {
	const check = "configuration"
	if q.stack.Settings != nil {
		q.add(Finding{Check: check, Status: OK, Says: fmt.Sprintf("stack %s: %s on %d x %s, %s", q.stack.Name,
			q.stack.Settings.Model.ID, q.stack.Settings.Replicas, q.stack.Settings.Topology, q.stack.Settings.Capacity.Mode)})
		return
	}
	for _, p := range q.stack.Problems {
		q.add(Finding{Check: check, Status: Failed, Says: p.Error()}) // which says what would do
	}
}

// beyond is what no command answers.
func (q *questions) beyond() {
	q.add(Finding{Check: "free chips", Status: Unknown, Says: "Google says only during pulumi up whether it has the chips"})
	q.add(Finding{Check: "organization policies", Status: Unknown, Says: "they may forbid what the stack creates; ask whoever administers the organization"})
}
