// Package checks checks whether a stack can be deployed from this machine, by this account and
// to its project. It changes nothing.
package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/spec/prerequisites"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/settings"
)

// Machine runs commands and calls Google's APIs. Tests replace it.
type Machine interface {
	// Run returns the standard output of a command. The error wraps exec.ErrNotFound if the
	// command is missing, and is a *process.Error if it fails.
	Run(ctx context.Context, command ...string) ([]byte, error)
	// Post sends JSON with a bearer token, using the quota of a project. If the status is not
	// 200, the error contains Google's message.
	Post(ctx context.Context, url, token, project string, body any) ([]byte, error)
}

// Stack is the stack to deploy.
type Stack struct {
	Name string
	// Project and Zone are set even if there are Problems; empty if they are not configured.
	Project, Zone string
	// Settings are nil if there are Problems with the configuration.
	Settings *settings.Config
	Problems problem.List
}

// questions is one run of all checks.
type questions struct {
	Machine
	stack    Stack
	findings []report.Finding
}

// All runs every check in order. Checks that depend on a failed check are skipped and reported
// as skipped.
func All(ctx context.Context, m Machine, stack Stack) []report.Finding {
	q := &questions{Machine: m, stack: stack}
	for _, tool := range prerequisites.Tools {
		q.tool(ctx, tool)
	}
	q.configuration()
	loggedIn, token := q.login(ctx)
	if q.stack.Project == "" || !loggedIn {
		q.add(report.Finding{Check: "project", Status: report.Unknown, Says: "needs gcp:project, gcloud and its login"})
	} else if q.project(ctx) {
		q.billing(ctx)
		enabled := q.apis(ctx)
		q.roles(ctx, token)
		q.compute(ctx, enabled)
	}
	q.beyond()
	return q.findings
}

func (q *questions) add(f report.Finding) { q.findings = append(q.findings, f) }

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

// configuration reports problems that the program would reject.
func (q *questions) configuration() {
	const check = "configuration"
	if q.stack.Settings != nil {
		q.add(report.Finding{Check: check, Status: report.OK, Says: fmt.Sprintf("stack %s: %s on %d x %s, %s", q.stack.Name,
			q.stack.Settings.Model.ID, q.stack.Settings.Replicas, q.stack.Settings.Topology, q.stack.Settings.Capacity.Mode)})
		return
	}
	for _, p := range q.stack.Problems {
		do := p.Remedy
		if do == "" {
			do = fmt.Sprintf("change Pulumi.%s.yaml as the message says", q.stack.Name)
		}
		p.Remedy = ""
		q.add(report.Finding{Check: check, Status: report.Failed, Says: p.Error(), Do: do})
	}
}

// beyond reports what cannot be checked.
func (q *questions) beyond() {
	q.add(report.Finding{Check: "free chips", Status: report.Unknown, Says: "only pulumi up shows whether Google has the chips"})
	q.add(report.Finding{Check: "organization policies", Status: report.Unknown, Says: "they may forbid what the stack creates; ask whoever administers the organization"})
}
