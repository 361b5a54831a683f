package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/keyutil"

	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/core/netmap"
	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/proc"
)

// controllers are the required controllers of kube-controller-manager.
var controllers = []string{
	"statefulset-controller", "deployment-controller", "replicaset-controller", "job-controller",
	"endpointslice-controller", "endpoints-controller", "garbage-collector-controller", "namespace-controller",
	"serviceaccount-controller", "root-ca-certificate-publisher-controller", "ephemeral-volume-controller",
	"persistentvolume-binder-controller", "persistentvolume-protection-controller",
	"persistentvolumeclaim-protection-controller", "pod-garbage-collector-controller",
	"clusterrole-aggregation-controller", "disruption-controller", "resourcequota-controller",
}

// controlPlane runs etcd and the Kubernetes binaries of one cluster.
type controlPlane struct {
	Access
	dir    string
	layout layout.Layout
	saved  saved
	nodes  Nodes
	cancel context.CancelFunc // ends what runs in this process

	injected  *injection.Set
	front     *http.Server    // nil without a front
	mu        sync.Mutex      // guards processes and stopped
	processes []*proc.Process // in start order
	stopped   bool
	tunnel    *tunnel
}

// saved is the part of a cluster's configuration that must not change when it is resumed.
type saved struct {
	Index    int    `json:"index"`
	PodsCIDR string `json:"podsCIDR"`
	APIPort  int    `json:"apiPort"`
	// FrontPort is the port of the front; 0 without a front.
	FrontPort int `json:"frontPort,omitempty"`
}

func (c *controlPlane) file(name string) string { return filepath.Join(c.dir, name) }

// start starts etcd, the API server, and then the controllers.
func (c *controlPlane) start(ctx context.Context) error {
	if err := c.loadSaved(); err != nil {
		return err
	}
	if err := c.certificates(); err != nil {
		return err
	}
	etcd, err := c.startEtcd(ctx)
	if err != nil {
		return err
	}
	if err := c.startAPIServer(ctx, etcd); err != nil {
		return err
	}
	if err := c.startFront(); err != nil {
		return err
	}
	for name, args := range map[string][]string{
		"kube-controller-manager": {
			"--kubeconfig=" + c.file("controller-manager.kubeconfig"),
			"--controllers=" + strings.Join(controllers, ","),
			"--service-account-private-key-file=" + filepath.Join(c.PKI, "sa.key"),
			"--root-ca-file=" + c.CA.CertFile(), "--use-service-account-credentials",
			"--leader-elect=false", "--secure-port=0", "--profiling=false",
			"--concurrent-deployment-syncs=2", "--concurrent-gc-syncs=4",
			"--kube-api-qps=200", "--kube-api-burst=400",
		},
		"kube-scheduler": {
			"--kubeconfig=" + c.file("scheduler.kubeconfig"),
			"--leader-elect=false", "--secure-port=0", "--profiling=false",
		},
	} {
		if _, err := c.run(name, args); err != nil {
			return err
		}
	}
	return nil
}

// loadSaved reads the saved configuration, and chooses and saves missing values.
func (c *controlPlane) loadSaved() error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	text, err := os.ReadFile(c.file("cluster.json"))
	want := -1
	if err == nil {
		if err := json.Unmarshal(text, &c.saved); err != nil {
			return err
		}
		want = c.saved.Index
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if c.Net, err = netmap.New(c.saved.PodsCIDR, layout.FirstNetwork(), want); err != nil {
		return err
	}
	c.saved.Index = c.Net.Index()
	if c.saved.APIPort == 0 {
		if c.saved.APIPort, err = freePort(); err != nil {
			return err
		}
	}
	if c.saved.FrontPort == 0 && os.Getenv(layout.FrontVar) != "" {
		if c.saved.FrontPort, err = freePort(); err != nil {
			return err
		}
	}
	text, err = json.Marshal(c.saved)
	if err != nil {
		return err
	}
	return os.WriteFile(c.file("cluster.json"), text, 0o600)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// endpoint returns the address of the API server.
func (c *controlPlane) endpoint() string { return fmt.Sprintf("127.0.0.1:%d", c.saved.APIPort) }

func (c *controlPlane) certificates() error {
	if _, _, err := c.CA.Issue(c.PKI, "apiserver", "kube-apiserver", nil, []string{
		"127.0.0.1", "localhost", c.Net.APIService(),
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}); err != nil {
		return err
	}
	if _, _, err := keyutil.LoadOrGenerateKeyFile(filepath.Join(c.PKI, "sa.key")); err != nil {
		return err
	}
	if _, _, err := c.CA.Issue(c.PKI, "kubelet-client", "kube-apiserver-kubelet-client", []string{"system:masters"}, nil); err != nil {
		return err
	}
	for name, user := range map[string]string{
		"controller-manager": "system:kube-controller-manager", "scheduler": "system:kube-scheduler", "admin": "emulator",
	} {
		groups := []string{}
		if name == "admin" {
			groups = []string{"system:masters"}
		}
		cert, key, err := c.CA.Issue(c.PKI, name, user, groups, nil)
		if err != nil {
			return err
		}
		if err := WriteKubeconfig(c.file(name+".kubeconfig"), "https://"+c.endpoint(), c.CA, "", clientcmdapi.AuthInfo{ClientCertificate: cert, ClientKey: key}); err != nil {
			return err
		}
	}
	token, err := Token(c.layout)
	if err != nil {
		return err
	}
	c.Config = &rest.Config{
		Host: "https://" + c.endpoint(), QPS: 500, Burst: 1000,
		TLSClientConfig: rest.TLSClientConfig{
			CAFile: c.CA.CertFile(), CertFile: filepath.Join(c.PKI, "admin.crt"), KeyFile: filepath.Join(c.PKI, "admin.key"),
		},
	}
	if c.Client, err = kubernetes.NewForConfig(c.Config); err != nil {
		return err
	}
	return os.WriteFile(c.file("tokens.csv"), []byte(token+`,gcloud,gcloud,"system:masters"`+"\n"), 0o600)
}

func (c *controlPlane) startEtcd(ctx context.Context) (address string, err error) {
	client, err := freePort()
	if err != nil {
		return "", err
	}
	peer, err := freePort()
	if err != nil {
		return "", err
	}
	address, peerURL := fmt.Sprintf("http://127.0.0.1:%d", client), fmt.Sprintf("http://127.0.0.1:%d", peer)
	p, err := c.run("etcd", []string{
		"--name=default", "--data-dir=" + c.file("etcd"), "--log-level=warn",
		"--listen-client-urls=" + address, "--advertise-client-urls=" + address,
		"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL,
		"--initial-cluster=default=" + peerURL,
		// Without fsync etcd is much faster. The data is disposable.
		"--unsafe-no-fsync=true", "--force-new-cluster=true",
	})
	if err != nil {
		return "", err
	}
	return address, p.Ready(ctx, "etcd", time.Minute, func() error { return reachable(address + "/health") })
}

func reachable(url string) error {
	client := http.Client{Timeout: time.Second}
	res, err := client.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}

func (c *controlPlane) startAPIServer(ctx context.Context, etcd string) error {
	if l, err := net.Listen("tcp", c.endpoint()); err != nil {
		return fmt.Errorf("the API server's port of cluster %s is in use; end whatever listens on %s: %w", c.Name, c.endpoint(), err)
	} else if err := l.Close(); err != nil {
		return err
	}
	var err error
	if c.tunnel, err = startTunnel(); err != nil {
		return err
	}
	if err := c.encryptSecrets(); err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(c.PKI, name) }
	p, err := c.run("kube-apiserver", []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.saved.APIPort),
		"--tls-cert-file=" + in("apiserver.crt"), "--tls-private-key-file=" + in("apiserver.key"),
		"--client-ca-file=" + c.CA.CertFile(), "--token-auth-file=" + c.file("tokens.csv"),
		"--service-cluster-ip-range=" + c.Net.Services(),
		// The reconciler would log errors, because the endpoint is a loopback address.
		"--endpoint-reconciler-type=none",
		"--service-account-issuer=https://kubernetes.default.svc", "--api-audiences=https://kubernetes.default.svc",
		"--service-account-key-file=" + in("sa.key"), "--service-account-signing-key-file=" + in("sa.key"),
		"--encryption-provider-config=" + c.file(encryptionFile),
		"--authorization-mode=RBAC", "--enable-admission-plugins=ExtendedResourceToleration",
		// The controller that removes the taint from new nodes does not run.
		"--disable-admission-plugins=TaintNodesByCondition",
		"--kubelet-client-certificate=" + in("kubelet-client.crt"), "--kubelet-client-key=" + in("kubelet-client.key"),
		"--kubelet-certificate-authority=" + c.CA.CertFile(), "--kubelet-preferred-address-types=InternalIP",
		"--profiling=false", "--enable-priority-and-fairness=false",
	}, "HTTPS_PROXY="+c.tunnel.address(), "https_proxy=", "NO_PROXY=", "no_proxy=")
	if err != nil {
		return err
	}
	return p.Ready(ctx, "kube-apiserver", 2*time.Minute, func() error {
		_, err := c.Client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err
	})
}

// stop stops the nodes, processes and listeners.
func (c *controlPlane) stop() {
	if c.nodes != nil {
		c.nodes.Stop()
	}
	c.cancel()
	c.end()
	// An error of Close means that it is already closed.
	if c.front != nil {
		_ = c.front.Close()
	}
	if c.tunnel != nil {
		_ = c.tunnel.listener.Close()
	}
	if c.Net != nil {
		_ = c.Net.Close()
	}
}
