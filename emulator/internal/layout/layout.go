// Package layout has every path under the emulator's folder.
package layout

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// EnvVar holds the emulator's folder for every process of the emulator.
const EnvVar = "SGLANG_TPU_EMULATOR"

// NetworkVar holds the number of the loopback network that a new cluster tries first.
// Clusters that are kept on disk and resumed later begin at another one than those that
// come and go, so that they find their own free.
const NetworkVar = "SGLANG_TPU_EMULATOR_NETWORK"

// EarlierVar is set while a review brings an earlier version of the program up: what that
// asks for and Google refuses is let pass, because the review compares what two programs
// ask for.
const EarlierVar = "SGLANG_TPU_EMULATOR_EARLIER"

// FrontVar is set where requests to clusters are made to fail: the API server then has a front, at which that happens.
const FrontVar = "SGLANG_TPU_EMULATOR_FRONT"

// FirstNetwork is the value of NetworkVar; 0 if it is not set.
func FirstNetwork() int {
	n, err := strconv.Atoi(os.Getenv(NetworkVar))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// Layout is the emulator's folder. Nothing is written outside it.
type Layout struct{ Root string }

// FromEnv finds the folder that the environment names.
func FromEnv() (Layout, error) {
	root := os.Getenv(EnvVar)
	if root == "" {
		return Layout{}, errors.New(EnvVar + ` is not set; run: eval "$(bin/emulator env)"`)
	}
	return Layout{Root: root}, nil
}

func (l Layout) in(parts ...string) string {
	return filepath.Join(append([]string{l.Root}, parts...)...)
}

// Bin holds the tools that go on a user's PATH.
func (l Layout) Bin() string { return l.in("bin") }

// ContainerBin holds the programs that pods find on theirs.
func (l Layout) ContainerBin() string { return l.in("container-bin") }

// Run holds what a running emulator needs: socket, process id, log.
func (l Layout) Run() string { return l.in("run") }

// Socket is the daemon's HTTP API.
func (l Layout) Socket() string { return l.in("run", "emulator.sock") }

// PIDFile holds the daemon's process id.
func (l Layout) PIDFile() string { return l.in("run", "daemon.pid") }

// Logs is where every log file is.
func (l Layout) Logs() string { return l.in("run") }

// Token is the bearer token that gke-gcloud-auth-plugin hands out.
func (l Layout) Token() string { return l.in("run", "token") }

// Cache holds what tools want to keep; TMPDIR is beside it.
func (l Layout) Cache() string { return l.in("cache") }

// Tmp is for temporary files.
func (l Layout) Tmp() string { return l.in("tmp") }

// ShellTmp is for those of what people type, with the environment loaded.
func (l Layout) ShellTmp() string { return l.in("tmp", "shell") }

// DaemonTmp is for those of the daemon.
func (l Layout) DaemonTmp() string { return l.in("tmp", "daemon") }

// CloudFile holds the emulated cloud's resources.
func (l Layout) CloudFile() string { return l.in("cloud.json") }

// Counters holds what the daemon has counted.
func (l Layout) Counters() string { return l.in("counters.json") }

// PKI holds the certificate authority of the emulator's servers.
func (l Layout) PKI() string { return l.in("pki") }

// TrustBundle is what clients trust: the machine's authorities and the emulator's own.
func (l Layout) TrustBundle() string { return l.in("pki", "bundle.crt") }

// Cluster holds one control plane's data.
func (l Layout) Cluster(name string) string { return l.in("clusters", name) }

// Pod holds one pod's containers.
func (l Layout) Pod(uid string) string { return l.in("pods", uid) }

// Disks holds the files of persistent disks, one folder each.
func (l Layout) Disks() string { return l.in("disks") }

// Disk holds one persistent disk's files.
func (l Layout) Disk(name string) string { return l.in("disks", name) }

// Buckets holds the objects of buckets, one folder each.
func (l Layout) Buckets() string { return l.in("buckets") }

// Bucket holds one bucket's objects.
func (l Layout) Bucket(name string) string { return l.in("buckets", name) }

// Registry holds images.
func (l Layout) Registry() string { return l.in("registry") }

// Pulumi holds state and stack configuration.
func (l Layout) Pulumi() string { return l.in("pulumi") }

// PulumiHome is the CLI's own folder.
func (l Layout) PulumiHome() string { return l.in("pulumi", "home") }

// Kubeconfig is for kubectl.
func (l Layout) Kubeconfig() string { return l.in("kubeconfig") }

// LWSChart is the LeaderWorkerSet chart, out of the controller's module.
func (l Layout) LWSChart() string { return l.in("lws", "chart") }
