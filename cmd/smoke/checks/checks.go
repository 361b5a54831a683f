// Package checks checks whether a deployed stack serves: its pods, its Service, and the model
// server with requests of a client. It changes nothing; the model server generates a few tokens.
package checks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sglang-tpu/cmd/internal/endpoint"
	"sglang-tpu/cmd/internal/report"
)

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

// ofServer are the checks that send requests through the Service, and ofCluster all that need
// access to the cluster.
var (
	ofServer  = []string{keyCheck, modelCheck, chatCheck, streamCheck, compileCheck}
	ofCluster = append(append([]string{ranksCheck, serviceCheck, forwardCheck}, ofServer...), leadersCheck)
)

// questions is one run of all checks.
type questions struct {
	*endpoint.Stack
	patience time.Duration // timeout of a request
	findings []report.Finding
}

// All runs every check on a stack in order. patience is the timeout of a request. Checks that
// depend on a failed check are skipped and reported as skipped.
func All(ctx context.Context, m endpoint.Machine, stack string, patience time.Duration) []report.Finding {
	q := &questions{patience: patience}
	var err error
	if q.Stack, err = endpoint.Open(ctx, m, stack); err != nil {
		q.problem(stackCheck, err)
		q.skip("needs the stack's outputs", append([]string{clusterCheck}, ofCluster...)...)
		return q.findings
	}
	q.ok(stackCheck, "%s is %s on %d x %d hosts", stack, q.Outputs.Plan.Model, q.Outputs.Replicas, q.Outputs.Plan.Hosts)
	leaders, reached := q.ranks(ctx)
	if !reached {
		q.skip("needs the cluster", ofCluster...)
		return q.findings
	}
	q.service(ctx)
	err = q.ReadKey(ctx)
	if err != nil {
		q.problem(keyCheck, err)
	}
	haveKey := err == nil
	q.server(ctx, haveKey)
	q.leaders(ctx, leaders, haveKey)
	return q.findings
}

// add adds a finding. It removes the API key, which may be in the output of a server or command.
func (q *questions) add(f report.Finding) {
	if q.Stack != nil {
		f.Says, f.Do = q.Redact(f.Says), q.Redact(f.Do)
	}
	q.findings = append(q.findings, f)
}

func (q *questions) ok(check, says string, values ...any) {
	q.add(report.Finding{Check: check, Status: report.OK, Says: fmt.Sprintf(says, values...)})
}

func (q *questions) fail(check, says, do string) {
	q.add(report.Finding{Check: check, Status: report.Failed, Says: says, Do: do})
}

// problem reports an error of package endpoint with its remedy.
func (q *questions) problem(check string, err error) {
	f := report.Finding{Check: check, Status: report.Failed, Says: err.Error()}
	var p *endpoint.Problem
	if errors.As(err, &p) {
		f.Do = p.Do
	}
	q.add(f)
}

// skip reports checks that cannot be run.
func (q *questions) skip(says string, checks ...string) {
	for _, check := range checks {
		q.add(report.Finding{Check: check, Status: report.Unknown, Says: says})
	}
}
