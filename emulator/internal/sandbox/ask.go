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
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"
)

// question is the tutorial's request.
const question = `{"text": "Hello, world!", "sampling_params": {"max_new_tokens": 10}}`

// ask sends the tutorial's request the way the tutorial does, through kubectl
// port-forward, and prints what came back and what to type next.
func (c *CLI) ask(ctx context.Context, stack string) error {
	out, err := c.outputs(ctx, stack)
	if err != nil {
		return err
	}
	if err := c.writeKubeconfig(out.Kubeconfig, out.Namespace); err != nil {
		return err
	}
	if out.Replicas == 0 {
		fmt.Fprintln(c.Out, "\nreplicas is 0: the cluster is up, there is no server to ask")
		return nil
	}
	address, stop, err := c.forward(ctx, stack, out.Service)
	if err != nil {
		return err
	}
	defer stop()
	key, err := c.apiKey(ctx, stack, out)
	if err != nil {
		return err
	}
	answer, err := post(ctx, "http://"+address+"/generate", key, question)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "\nAsked   POST /generate %s\nAnswer  %s\n", question, answer)
	fmt.Fprintf(c.Out, `
Next, in a shell of your own:
  eval "$(bin/emulator env %[1]s)"      pulumi and kubectl now mean the emulator
  kubectl get pods -l leaderworkerset.sigs.k8s.io/name=%[2]s
  kubectl logs -l leaderworkerset.sigs.k8s.io/name=%[2]s -c sglang-leader
  %[3]s
  %[4]s
  pulumi preview --diff                 after changing Pulumi.%[1]s.yaml or the code: make up
  make down STACK=%[1]s
`, stack, out.LeaderWorkerSet, out.PortForward, out.Curl)
	return nil
}

// outputs are the stack outputs that a person uses next.
type outputs struct {
	Kubeconfig      string `json:"kubeconfig"`
	Namespace       string `json:"namespace"`
	Service         string `json:"service"`
	LeaderWorkerSet string `json:"leaderWorkerSet"`
	PortForward     string `json:"portForwardCommand"`
	Curl            string `json:"curlCommand"`
	APIKeySecret    string `json:"apiKeySecret"` // empty: the server wants none
	Replicas        int    `json:"replicas"`
}

// apiKey reads the key that clients must send from where clients in the cluster find it.
func (c *CLI) apiKey(ctx context.Context, stack string, out outputs) (string, error) {
	if out.APIKeySecret == "" {
		return "", nil
	}
	cmd := c.kubectl(ctx, stack, "get", "secret", out.APIKeySecret, "-o", "jsonpath={.data.api_key}")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	encoded, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("kubectl get secret %s: %w\n%s", out.APIKeySecret, err, stderr.String())
	}
	key, err := base64.StdEncoding.DecodeString(string(encoded))
	return string(key), err
}

// kubectl is run in the emulator's environment. A missing one fails when it is run.
func (c *CLI) kubectl(ctx context.Context, stack string, args ...string) *exec.Cmd {
	cmd := c.command(ctx, stack)
	path, err := lookPath("kubectl", c.Layout.Bin()+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Path, cmd.Args, cmd.Err = path, append([]string{path}, args...), err
	return cmd
}

func (c *CLI) outputs(ctx context.Context, stack string) (outputs, error) {
	var out outputs
	cmd := c.command(ctx, stack, "stack", "output", "--json", "--show-secrets")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("pulumi stack output: %w\n%s", err, stderr.String())
	}
	return out, json.Unmarshal(text, &out)
}

// writeKubeconfig saves the program's own kubeconfig, with the namespace that the
// tutorial's commands leave out as the context's default.
func (c *CLI) writeKubeconfig(text, namespace string) error {
	var config map[string]any
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return fmt.Errorf("the stack's kubeconfig: %w", err)
	}
	contexts, _ := config["contexts"].([]any)
	for _, entry := range contexts {
		if named, ok := entry.(map[string]any); ok {
			if inner, ok := named["context"].(map[string]any); ok {
				inner["namespace"] = namespace
			}
		}
	}
	merged, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(c.Layout.Kubeconfig(), merged, 0o600)
}

// forward starts kubectl port-forward on a free port and returns the address.
func (c *CLI) forward(ctx context.Context, stack, service string) (string, func(), error) {
	cmd := c.kubectl(ctx, stack, "port-forward", "svc/"+service, ":8000")
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
		return "", nil, fmt.Errorf("kubectl port-forward svc/%s: %s%s", service, line, stderr.String())
	}
	return words[2], stop, nil
}

func lookPath(name, path string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s is not on PATH; install it from your distribution or kubernetes.io", name)
}

func post(ctx context.Context, url, key, body string) (string, error) {
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
