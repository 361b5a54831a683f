// Package bench measures the endpoint of a deployed stack from a client's perspective, with a
// known load at several concurrency levels.
//
// The load is a closed loop: each of a level's clients sends one request after another.
// Libraries are not suitable: the maintained load generators for Go (vegeta, fortio) measure
// only the duration of whole responses, not when the tokens of a stream arrive. The server's
// bench_serving.py has the same definitions, but would have to run as a Job in the cluster, with
// permissions to create it and access through the network policies; this program changes
// nothing.
package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/cmd/internal/endpoint"
	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/spec/names"
)

// Options are the options of a run.
type Options struct {
	StackName string // of pulumi
	Levels    []int  // concurrent requests, in ascending order
	Load      Load
	Patience  time.Duration // timeout of a request
	URL       string        // of the server; empty: a port-forward to the leader of each group
	Folder    string        // of the saved runs
	Now       time.Time
}

// Names of the checks.
const (
	stackCheck   = "stack"
	clusterCheck = "cluster"
	keyCheck     = "API key"
	forwardCheck = "port-forward"
	filesCheck   = "files"
)

// Measure runs a benchmark and writes its files. It calls progress at the start of each level.
func Measure(ctx context.Context, m endpoint.Machine, o Options, progress func(string)) []report.Finding {
	b := &benchmark{Options: o, progress: progress}
	b.run(ctx, m)
	return b.findings
}

type benchmark struct {
	Options
	*endpoint.Stack
	progress func(string)
	findings []report.Finding
}

func (b *benchmark) ok(check, says string, values ...any) {
	b.findings = append(b.findings, report.Finding{Check: check, Status: report.OK, Says: b.redact(fmt.Sprintf(says, values...))})
}

// fail reports an error. If the error has a remedy, that replaces do.
func (b *benchmark) fail(check string, err error, do string) {
	var p *endpoint.Problem
	if errors.As(err, &p) {
		do = p.Do
	}
	b.findings = append(b.findings, report.Finding{Check: check, Status: report.Failed, Says: b.redact(endpoint.Message(err)), Do: do})
}

func (b *benchmark) redact(text string) string {
	if b.Stack == nil {
		return text // no key has been read
	}
	return b.Redact(text)
}

func (b *benchmark) run(ctx context.Context, m endpoint.Machine) {
	// Report a folder that cannot be read before the load, which takes minutes.
	earlier, err := history(b.Folder)
	if err != nil {
		b.fail(filesCheck, err, "move that file away, or name another folder: -folder")
		return
	}
	if b.Stack, err = endpoint.Open(ctx, m, b.StackName); err != nil {
		b.fail(stackCheck, err, "")
		return
	}
	plan := b.Outputs.Plan
	b.ok(stackCheck, "%s is %s on %d x %s", b.Name, plan.Model, b.Outputs.Replicas, plan.Topology)
	pods, nodes, err := b.servers(ctx)
	if err != nil {
		b.fail(clusterCheck, err, "make doctor STACK="+b.Name+", which asks for login and tools")
		return
	}
	b.ok(clusterCheck, "%d groups are ready, on %s", len(pods), nodes)
	if err := b.ReadKey(ctx); err != nil {
		b.fail(keyCheck, err, "")
		return
	}
	targets, through, stop, err := b.connect(ctx, pods)
	defer stop()
	if err != nil {
		b.fail(forwardCheck, err, "make smoke STACK="+b.Name+" says what is wrong")
		return
	}
	r := Run{
		Date: b.Now.UTC(), Stack: b.Name, Nodes: nodes, Image: b.Outputs.Image, Program: b.program(ctx), Replicas: b.Outputs.Replicas,
		Plan: plan, Through: through, Load: b.Load,
	}
	for _, atOnce := range b.Levels {
		level := b.level(ctx, clients(targets, b.Key, b.Patience, atOnce), atOnce)
		if ctx.Err() != nil {
			b.fail(filesCheck, errors.New("interrupted: this run is not saved"), "run it again")
			return
		}
		r.Levels = append(r.Levels, level)
	}
	if err := write(b.Folder, r, earlier); err != nil {
		b.fail(filesCheck, err, "make room, or name another folder: -folder")
		return
	}
	b.ok(filesCheck, "%s has %s, %s and %s", b.Folder, tableName, plotName, r.Date.Format(runName)+runSuffix)
}

// servers returns the leaders of all groups and a description of their nodes. All pods must be
// ready.
func (b *benchmark) servers(ctx context.Context) (leaders []string, nodes string, err error) {
	smoke := "make smoke STACK=" + b.Name + " says what is wrong"
	var pods corev1.PodList
	if err := b.Get(ctx, &pods, "pods", "-l", names.SetLabel+"="+b.Outputs.Set); err != nil {
		return nil, "", err
	}
	ready, node := 0, ""
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			continue
		}
		ready++
		if pod.Labels[names.WorkerLabel] == "0" {
			leaders, node = append(leaders, pod.Name), pod.Spec.NodeName
		}
	}
	if want := b.Outputs.Replicas * b.Outputs.Plan.Hosts; ready != want || len(leaders) != b.Outputs.Replicas {
		return nil, "", &endpoint.Problem{Says: fmt.Sprintf("%d of %d pods are ready", ready, want), Do: smoke}
	}
	// Results depend on the machine, so its description is part of every run.
	var host corev1.Node
	if err := b.Get(ctx, &host, "node", node); err != nil {
		return nil, "", &endpoint.Problem{Says: "the node of a leader cannot be read: " + endpoint.Message(err), Do: "reading nodes takes the role roles/container.viewer"}
	}
	return leaders, fmt.Sprintf("%s (%s)", host.Labels[corev1.LabelInstanceTypeStable], host.Status.NodeInfo.OSImage), nil
}

// connect returns the URLs to which requests are sent in turn, and describes the connection. A
// port-forward to a Service uses only one of its pods, so each group has a separate one.
func (b *benchmark) connect(ctx context.Context, leaders []string) (bases []string, through string, stop func(), err error) {
	if b.URL != "" {
		return []string{strings.TrimSuffix(b.URL, "/")}, b.URL, func() {}, nil
	}
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	for _, leader := range leaders {
		base, end, err := b.Connect(ctx, "pod/"+leader)
		if err != nil {
			return nil, "", stop, fmt.Errorf("%s: %s", leader, endpoint.Message(err))
		}
		bases, stops = append(bases, base), append(stops, end)
	}
	b.ok(forwardCheck, "%d leaders answer on ports of this machine", len(leaders))
	return bases, "kubectl port-forward", stop, nil
}

// program returns the commit of this checkout.
func (b *benchmark) program(ctx context.Context) string {
	text, err := b.Run(ctx, "git", "describe", "--always", "--dirty")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// level measures with a number of concurrent requests. A warm-up round opens connections and
// lets the server compile missing programs.
func (b *benchmark) level(ctx context.Context, targets []endpoint.Client, atOnce int) Level {
	check := fmt.Sprintf("%d at once", atOnce)
	b.progress(fmt.Sprintf("%s: %d requests, after %d that do not count", check, atOnce*b.Load.Rounds, atOnce))
	first := uint64(atOnce) << 32 // number of the level's first prompt
	send(ctx, targets, b.Load, atOnce, atOnce, first)
	answers, took := send(ctx, targets, b.Load, atOnce, atOnce*b.Load.Rounds, first+uint64(atOnce))
	for i := range answers {
		if err := answers[i].problem; err != nil {
			answers[i].problem = errors.New(b.redact(err.Error()))
		}
	}
	l := measure(atOnce, answers, took)
	if l.Failed > 0 {
		do := b.Logs() + " says why"
		if strings.Contains(strings.Join(l.errors(), " "), "401") {
			do = b.RestartServers()
		}
		b.fail(check, fmt.Errorf("%d of %d requests failed; the most frequent error: %s", l.Failed, l.Requests, l.errors()[0]), do)
		return l
	}
	b.ok(check, "%s output tokens/s; first token after %s ms, then one every %s ms (P50)", number(l.OutputPerSecond), number(l.FirstToken.P50), number(l.EachToken.P50))
	return l
}

// errors returns the errors, the most frequent first.
func (l Level) errors() []string {
	return slices.SortedFunc(maps.Keys(l.Errors), func(a, b string) int {
		if d := l.Errors[b] - l.Errors[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}
