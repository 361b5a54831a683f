// Package layout defines the paths in the emulator's folder and its environment variables.
package layout

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// EnvVar is the environment variable with the emulator's folder.
const EnvVar = "SGLANG_TPU_EMULATOR"

// NetworkVar is the environment variable with the index of the loopback network that a new
// cluster tries first. Clusters that are resumed later start at another index than temporary
// ones, so that their network is likely to be free then.
const NetworkVar = "SGLANG_TPU_EMULATOR_NETWORK"

// EarlierVar is set while a review deploys an earlier version of the program. The emulator then
// accepts requests of it that Google rejects, because the review only compares two versions.
const EarlierVar = "SGLANG_TPU_EMULATOR_EARLIER"

// FrontVar is set if faults are injected into requests to clusters. API servers then get a
// proxy that does it.
const FrontVar = "SGLANG_TPU_EMULATOR_FRONT"

// FirstNetwork returns the value of NetworkVar; 0 if it is not set.
func FirstNetwork() int {
	n, err := strconv.Atoi(os.Getenv(NetworkVar))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// WriteFile replaces a file atomically.
func WriteFile(file string, data []byte, perm os.FileMode) error {
	if err := os.WriteFile(file+".new", data, perm); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Link makes a symbolic link to target. It replaces what is there, and creates the link's folder.
func Link(target, link string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(link); err != nil {
		return err
	}
	return os.Symlink(target, link)
}

// Layout is the emulator's folder. The emulator writes nothing outside of it.
type Layout struct{ Root string }

// Of returns the folder of a checkout, or the one that EnvVar names.
func Of(checkout string) Layout {
	return Layout{Root: cmp.Or(os.Getenv(EnvVar), filepath.Join(checkout, ".emulator"))}
}

// FromEnv returns the folder that EnvVar names.
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

// Bin is the folder with the tools for the user's PATH.
func (l Layout) Bin() string { return l.in("bin") }

// ContainerBin is the folder with the programs for the PATH of containers.
func (l Layout) ContainerBin() string { return l.in("container-bin") }

// Run is the folder with the files of a running emulator: socket, process ID and logs.
func (l Layout) Run() string { return l.in("run") }

// Socket is the Unix socket of the daemon's HTTP API.
func (l Layout) Socket() string { return l.in("run", "emulator.sock") }

// PIDFile is the file with the daemon's process ID.
func (l Layout) PIDFile() string { return l.in("run", "daemon.pid") }

// Logs is the folder with the log files.
func (l Layout) Logs() string { return l.in("run") }

// Token is the file with the bearer token of gke-gcloud-auth-plugin.
func (l Layout) Token() string { return l.in("run", "token") }

// Cache is the folder for the tools' caches.
func (l Layout) Cache() string { return l.in("cache") }

// Tmp is the folder for temporary files.
func (l Layout) Tmp() string { return l.in("tmp") }

// ShellTmp is the folder for temporary files of commands in the user's shell.
func (l Layout) ShellTmp() string { return l.in("tmp", "shell") }

// DaemonTmp is the folder for temporary files of the daemon.
func (l Layout) DaemonTmp() string { return l.in("tmp", "daemon") }

// CloudFile is the file with the emulated cloud's resources.
func (l Layout) CloudFile() string { return l.in("cloud.json") }

// Counters is the file with the daemon's counts.
func (l Layout) Counters() string { return l.in("counters.json") }

// PKI is the folder of the emulator's certificate authority.
func (l Layout) PKI() string { return l.in("pki") }

// TrustBundle is the file with the certificates that clients trust: the emulator's and those
// of the authorities that this machine trusts.
func (l Layout) TrustBundle() string { return l.in("pki", "bundle.crt") }

// Cluster is the folder of one control plane.
func (l Layout) Cluster(name string) string { return l.in("clusters", name) }

// AdminKubeconfigs are the administrator's kubeconfigs, one for each control plane.
func (l Layout) AdminKubeconfigs() []string {
	files, _ := filepath.Glob(l.in("clusters", "*", "admin.kubeconfig")) // the pattern is well-formed
	return files
}

// Pod is the folder of one pod.
func (l Layout) Pod(uid string) string { return l.in("pods", uid) }

// Disks is the folder with one subfolder for each persistent disk.
func (l Layout) Disks() string { return l.in("disks") }

// Disk is the folder of one persistent disk.
func (l Layout) Disk(name string) string { return l.in("disks", name) }

// Buckets is the folder with one subfolder for each bucket.
func (l Layout) Buckets() string { return l.in("buckets") }

// Bucket is the folder of one bucket.
func (l Layout) Bucket(name string) string { return l.in("buckets", name) }

// Registry is the folder of the image registry.
func (l Layout) Registry() string { return l.in("registry") }

// Pulumi is the folder with Pulumi's state and stack configuration.
func (l Layout) Pulumi() string { return l.in("pulumi") }

// PulumiHome is PULUMI_HOME.
func (l Layout) PulumiHome() string { return l.in("pulumi", "home") }

// Kubeconfig is the kubeconfig of a shell that uses a stack. Stacks that are up side by side
// have clusters of their own.
func (l Layout) Kubeconfig(stack string) string { return l.in("kubeconfig." + stack) }

// LWSChart is the LeaderWorkerSet chart from the controller's module.
func (l Layout) LWSChart() string { return l.in("lws", "chart") }
