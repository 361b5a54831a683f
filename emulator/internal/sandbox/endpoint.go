package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"sglang-tpu/emulator/internal/proc"
)

// question is the request of Google's tutorial.
const question = `{"text": "Hello, world!", "sampling_params": {"max_new_tokens": 10}}`

// ask sends the tutorial's request through kubectl port-forward, and prints the answer and the
// next commands.
func (s Stack) ask(ctx context.Context) error {
	out, err := s.outputs(ctx)
	if err != nil {
		return err
	}
	e := endpoint{s, out}
	if err := e.writeKubeconfig(); err != nil {
		return err
	}
	if out.Service == "" {
		fmt.Fprintln(s.Out, "\nThe platform is up. Endpoints are separate stacks.")
		return nil
	}
	if out.Replicas == 0 {
		fmt.Fprintln(s.Out, "\nThe cluster is up. There is no model server, because replicas is 0.")
		return nil
	}
	address, stop, err := e.forward(ctx)
	if err != nil {
		return err
	}
	defer stop()
	key, err := e.apiKey(ctx)
	if err != nil {
		return err
	}
	answer, err := Generate(ctx, "http://"+address+"/generate", key, question)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "\nAsked   POST /generate %s\nAnswer  %s\n", question, answer)
	fmt.Fprintf(s.Out, `
Next, in a shell of your own:
  eval "$(bin/emulator env %[1]s)"      pulumi and kubectl now use stack %[1]s on the emulator, until you leave the shell
  make smoke STACK=%[1]s     does it serve?
  kubectl get pods -l leaderworkerset.sigs.k8s.io/name=%[2]s
  kubectl logs -l leaderworkerset.sigs.k8s.io/name=%[2]s -c sglang-leader
  %[3]s
  %[4]s
  make preview STACK=%[1]s   after changing Pulumi.%[1]s.yaml or the code: what make up would change
  make up STACK=%[1]s
  make down STACK=%[1]s
`, s.Name, out.LeaderWorkerSet, out.PortForward, out.Curl)
	return nil
}

// outputs are the stack outputs that the next commands use.
type outputs struct {
	Kubeconfig      string `json:"kubeconfig"`
	Namespace       string `json:"namespace"`
	Service         string `json:"service"`
	LeaderWorkerSet string `json:"leaderWorkerSet"`
	PortForward     string `json:"portForwardCommand"`
	Curl            string `json:"curlCommand"`
	APIKeySecret    string `json:"apiKeySecret"` // empty if the server requires no key
	Replicas        int    `json:"replicas"`
}

// endpoint is the model server of a deployed stack.
type endpoint struct {
	Stack
	out outputs
}

// apiKey reads the server's API key from its Secret; empty if the server requires none.
func (e endpoint) apiKey(ctx context.Context) (string, error) {
	if e.out.APIKeySecret == "" {
		return "", nil
	}
	encoded, err := proc.Output(e.Kubectl(ctx, "get", "secret", e.out.APIKeySecret, "-o", "jsonpath={.data.api_key}"))
	if err != nil {
		return "", err
	}
	key, err := base64.StdEncoding.DecodeString(string(encoded))
	return string(key), err
}

func (s Stack) outputs(ctx context.Context) (out outputs, err error) {
	text, err := proc.Output(s.Command(ctx, "stack", "output", "--json", "--show-secrets"))
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(text, &out)
}

// writeKubeconfig saves the stack's kubeconfig with the endpoint's namespace as the default,
// because the tutorial's commands name no namespace.
func (e endpoint) writeKubeconfig() error {
	config, err := clientcmd.Load([]byte(e.out.Kubeconfig))
	if err != nil {
		return fmt.Errorf("the stack's kubeconfig: %w", err)
	}
	for _, c := range config.Contexts {
		c.Namespace = e.out.Namespace
	}
	return clientcmd.WriteToFile(*config, e.Layout.Kubeconfig(e.Name))
}

// forward starts kubectl port-forward on a free port and returns the address.
func (e endpoint) forward(ctx context.Context) (string, func(), error) {
	cmd := e.Kubectl(ctx, "port-forward", "svc/"+e.out.Service, ":8000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop := func() {
		_ = cmd.Process.Kill() // an error means that it has already ended
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	words := strings.Fields(line) // Forwarding from 127.0.0.1:PORT -> 8000
	if err != nil || len(words) < 3 {
		stop()
		return "", nil, fmt.Errorf("kubectl port-forward svc/%s: %s%s", e.out.Service, line, stderr.String())
	}
	return words[2], stop, nil
}

// Generate sends a request to the model server and returns the answer. key is the API key; empty
// if the server requires none. It waits for a minute at most.
func Generate(ctx context.Context, url, key, body string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Close = true // the next request may be for another pod
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("the model server did not answer: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the model server answered %s: %s", res.Status, text)
	}
	return strings.TrimSpace(string(text)), nil
}
