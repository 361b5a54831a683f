// Package endpoint accesses the endpoint of a deployed stack: it reads the stack's outputs, runs
// kubectl with the kubeconfig in them, and is a client of the model server.
package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/cmd/internal/process"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/prerequisites"
	"sglang-tpu/spec/serverargs"
)

// Problem is an error with its remedy.
type Problem struct {
	Says string // what is wrong, in one sentence
	Do   string // the remedy
}

func (p *Problem) Error() string { return p.Says }

// Outputs are the stack outputs that commands use (stacks/outputs.go).
type Outputs struct {
	Kubeconfig string `json:"kubeconfig"`
	Namespace  string `json:"namespace"`
	Image      string `json:"image"`
	Set        string `json:"leaderWorkerSet"`
	Service    string `json:"service"`
	KeySecret  string `json:"apiKeySecret"` // empty if the server requires no key
	Replicas   int    `json:"replicas"`
	Plan       Plan   `json:"plan"`
}

// Plan is the output "plan", which describes one group.
type Plan struct {
	Model          string `json:"model"`
	Topology       string `json:"topology"`
	Hosts          int    `json:"hosts"`
	Chips          int    `json:"chips"`
	DP             int    `json:"dpSize"`
	RequestsCap    int    `json:"requestsCap"`    // maximum number of concurrent requests of any length
	RequestsAtOnce int    `json:"requestsAtOnce"` // number of concurrent requests of full length
	KVPoolTokens   int    `json:"kvPoolTokens"`   // 0 if it is unknown
}

// Stack is a deployed stack.
type Stack struct {
	Machine
	Name    string
	Outputs Outputs
	Key     string // the API key; empty for none
	config  string // path of the kubeconfig
}

// Open reads the outputs of a stack and saves its kubeconfig. Its errors are Problems.
func Open(ctx context.Context, m Machine, name string) (*Stack, error) {
	s := &Stack{Machine: m, Name: name}
	up := "pulumi up --stack " + name
	text, err := m.Run(ctx, "pulumi", "stack", "output", "--json", "--stack", name)
	if errors.Is(err, exec.ErrNotFound) {
		return nil, &Problem{"pulumi is not installed, or not in PATH", prerequisites.Install("pulumi") + "; for a stack on the emulator, run this command in the shell that make up prints under Next"}
	}
	if err != nil {
		return nil, &Problem{Message(err), "the same as before pulumi up: log in to the stack's backend by pulumi login, set PULUMI_CONFIG_PASSPHRASE if the stack has a passphrase, and name a stack that pulumi stack ls lists"}
	}
	if err := json.Unmarshal(text, &s.Outputs); err != nil {
		return nil, &Problem{"the outputs cannot be read: " + err.Error(), up}
	}
	out := s.Outputs
	for _, o := range []struct {
		name string
		set  bool
	}{
		{"kubeconfig", out.Kubeconfig != ""},
		{"namespace", out.Namespace != ""},
		{"leaderWorkerSet", out.Set != ""},
		{"service", out.Service != ""},
		{"plan", out.Plan.Model != "" && out.Plan.Hosts > 0},
	} {
		if !o.set {
			return nil, &Problem{fmt.Sprintf("stack %s is not up: it has no output %s", name, o.name), up}
		}
	}
	if out.Replicas == 0 {
		return nil, &Problem{fmt.Sprintf("stack %s has replicas 0: nothing serves", name), "pulumi config set replicas 1 --stack " + name + ", then " + up}
	}
	if s.config, err = m.Save(out.Kubeconfig); err != nil {
		return nil, &Problem{"the kubeconfig cannot be saved: " + err.Error(), "make room in the temporary folder, or set TMPDIR to another"}
	}
	return s, nil
}

// Kubectl returns a kubectl command for the stack's cluster, independent of the current context.
func (s *Stack) Kubectl(args ...string) []string {
	return append([]string{"kubectl", "--kubeconfig", s.config, "--namespace", s.Outputs.Namespace}, args...)
}

// Get reads objects. The timeout of requests to the cluster is 20 seconds.
func (s *Stack) Get(ctx context.Context, into any, args ...string) error {
	text, err := s.Run(ctx, s.Kubectl(append([]string{"get", "--request-timeout=20s", "-o", "json"}, args...)...)...)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Typed returns a kubectl command for users who have run getCredentialsCommand.
func (s *Stack) Typed(args string) string {
	return "kubectl -n " + s.Outputs.Namespace + " " + args
}

// Logs returns the command that shows the leaders' logs.
func (s *Stack) Logs() string {
	return s.Typed("logs -l " + s.LeaderSelector() + " --all-containers --tail 50")
}

// LeaderSelector returns the label selector of the leaders of all groups.
func (s *Stack) LeaderSelector() string {
	return fmt.Sprintf("%s=%s,%s=0", names.SetLabel, s.Outputs.Set, names.WorkerLabel)
}

// ReadKey reads the API key from its Secret, like the output curlCommand. Its errors are
// Problems.
func (s *Stack) ReadKey(ctx context.Context) error {
	name := s.Outputs.KeySecret
	if name == "" {
		return nil
	}
	var secret corev1.Secret
	err := s.Get(ctx, &secret, "secret", name)
	if err == nil && len(secret.Data) != 1 {
		err = fmt.Errorf("secret %s has %d entries instead of only the API key", name, len(secret.Data))
	}
	if err != nil {
		return &Problem{"cannot be read: " + Message(err), s.Typed("get secret "+name) + "; reading it requires the permission to get Secrets. If somebody has deleted or changed the Secret, pulumi up --refresh restores it"}
	}
	for _, value := range secret.Data {
		s.Key = string(value)
	}
	return nil
}

// RestartServers returns the command after which the servers read the API key again.
func (s *Stack) RestartServers() string {
	return fmt.Sprintf("pulumi up --refresh --stack %s, then %s: a server reads its key when it starts, and the groups start again", s.Name, s.Typed("delete pod -l "+s.LeaderSelector()))
}

// Connect forwards the server's port at a target of kubectl port-forward to this machine.
func (s *Stack) Connect(ctx context.Context, target string) (base string, stop func(), err error) {
	address, stop, err := s.Forward(ctx, s.Kubectl("port-forward", "--address", "127.0.0.1", "--pod-running-timeout=10s", target, fmt.Sprintf(":%d", serverargs.Port))...)
	return "http://" + address, stop, err
}

// Through returns the target of Connect that clients use: the Service.
func (s *Stack) Through() string { return "svc/" + s.Outputs.Service }

// Redact removes the API key from the output of a server or command.
func (s *Stack) Redact(text string) string {
	if s.Key == "" {
		return text
	}
	return strings.ReplaceAll(text, s.Key, "(the API key)")
}

// Message returns the error message of a command: the last line of its standard error, because
// kubectl writes log messages before it.
func Message(err error) string {
	var failed *process.Error
	if errors.As(err, &failed) {
		lines := strings.Split(strings.TrimSpace(failed.Stderr), "\n")
		if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
			return last
		}
	}
	return err.Error()
}
