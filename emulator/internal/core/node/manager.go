package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/tools"
)

// managerCommand runs the real binary of the LeaderWorkerSet controller. It replaces what a
// container would provide: the pod's address to listen on, and a kubeconfig with the service
// account's token.
func (c *container) managerCommand(run *instance) (*exec.Cmd, error) {
	kubeconfig, err := c.pod.kubeconfig(filepath.Join(c.dir(), "kubeconfig"))
	if err != nil {
		return nil, err
	}
	args := []string{c.spec.Command[0], "--kubeconfig=" + kubeconfig}
	for _, arg := range c.spec.Args {
		if file, ok := strings.CutPrefix(arg, "--config="); ok {
			file, err := c.managerConfig(run.root, file)
			if err != nil {
				return nil, err
			}
			arg = "--config=" + file
		}
		args = append(args, arg)
	}
	return &exec.Cmd{Path: c.pod.machine.manager(c.spec.Image), Args: args, Env: run.environ(), Dir: run.root}, nil
}

// manager returns the controller of the image's version if it was built, else the pinned one.
func (m *machine) manager(image string) string {
	pinned := filepath.Join(m.members.fleet.Layout.Bin(), tools.LWSManager)
	if _, version, ok := strings.Cut(image, ":v"); ok {
		if _, err := os.Stat(pinned + "-" + version); err == nil {
			return pinned + "-" + version
		}
	}
	return pinned
}

// certificates is the controller's default folder for its serving certificate.
const certificates = "/tmp/k8s-webhook-server/serving-certs"

func (c *container) managerConfig(root, file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return "", err
	}
	var config map[string]any
	if err := yaml.Unmarshal(text, &config); err != nil {
		return "", err
	}
	section := func(name string) map[string]any {
		m, ok := config[name].(map[string]any)
		if !ok {
			m = map[string]any{}
			config[name] = m
		}
		return m
	}
	webhook := section("webhook")
	webhook["host"] = c.pod.loopback
	dir, ok := webhook["certDir"].(string)
	if !ok {
		dir = certificates
	}
	webhook["certDir"] = filepath.Join(root, dir)
	section("health")["healthProbeBindAddress"] = c.pod.loopback + ":8081"
	section("metrics")["bindAddress"] = c.pod.loopback + ":8443"
	section("leaderElection")["resourceNamespace"] = c.pod.object.Namespace
	if text, err = yaml.Marshal(config); err != nil {
		return "", err
	}
	out := filepath.Join(c.dir(), "controller_manager_config.yaml")
	return out, os.WriteFile(out, text, 0o600)
}

// token returns a token of the pod's service account that is valid for a year. Without
// audiences it is for the API server.
func (p *pod) token(audiences ...string) (string, error) {
	account := kube.ServiceAccount(p.object)
	t, err := p.machine.members.access.Client.CoreV1().ServiceAccounts(p.object.Namespace).CreateToken(p.ctx, account,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
			Audiences: audiences, ExpirationSeconds: ptr.To[int64](365 * 24 * 3600),
			BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: p.object.Name, UID: p.object.UID},
		}}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of service account %s/%s: %w", p.object.Namespace, account, err)
	}
	return t.Status.Token, nil
}

func (p *pod) kubeconfig(file string) (string, error) {
	token, err := p.token()
	if err != nil {
		return "", err
	}
	a := p.machine.members.access
	return file, kube.WriteKubeconfig(file, a.Config.Host, a.CA, p.object.Namespace, clientcmdapi.AuthInfo{Token: token})
}
