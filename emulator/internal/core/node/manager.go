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
	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/tools"
)

// managerCommand runs the LeaderWorkerSet controller's real binary. In a container it
// would listen on all addresses and know its cluster; here it gets the pod's address
// and given a kubeconfig with its service account's token.
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
	return &exec.Cmd{Path: c.pod.machine.manager(c.spec.Image), Args: args, Env: run.env, Dir: run.root}, nil
}

// manager is the controller of an image's version if it was built, and the pinned one
// otherwise.
func (m *machine) manager(image string) string {
	pinned := filepath.Join(m.members.fleet.Layout.Bin(), tools.LWSManager)
	if _, version, ok := strings.Cut(image, ":v"); ok {
		if _, err := os.Stat(pinned + "-" + version); err == nil {
			return pinned + "-" + version
		}
	}
	return pinned
}

// certificates is the controller's default folder for them.
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

// token is one of the pod's service account.
func (p *pod) token(audiences []string, seconds int64) (string, error) {
	account := p.object.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	t, err := p.machine.members.access.Client.CoreV1().ServiceAccounts(p.object.Namespace).CreateToken(p.ctx, account,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
			Audiences: audiences, ExpirationSeconds: &seconds,
			BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: p.object.Name, UID: p.object.UID},
		}}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of service account %s/%s: %w", p.object.Namespace, account, err)
	}
	return t.Status.Token, nil
}

func (p *pod) kubeconfig(file string) (string, error) {
	token, err := p.token(nil, 365*24*3600)
	if err != nil {
		return "", err
	}
	a := p.machine.members.access
	return file, kube.WriteKubeconfig(file, a.Config.Host, a.CA, p.object.Namespace, clientcmdapi.AuthInfo{Token: token})
}
