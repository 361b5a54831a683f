package node

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// program is what an image does here.
type program int

const (
	idle       program = iota // nothing: it counts as running
	processes                 // its command runs on this machine
	lwsManager                // the LeaderWorkerSet controller's own program
)

const (
	managerImage  = "registry.k8s.io/lws/lws:"
	exporterImage = "quay.io/prometheuscommunity/json-exporter" // with the real json_exporter
	serverSource  = "https://github.com/sgl-project/sglang-jax"
	sourceLabel   = "org.opencontainers.image.source"
)

// pull gets the image, trying again as a kubelet does; false means that the pod ends.
func (c *container) pull() (program, bool) {
	backoff := time.Second
	for {
		prog, err := c.pod.machine.imageProgram(c.spec.Image)
		if err == nil {
			return prog, true
		}
		c.pod.event(corev1.EventTypeWarning, "Failed", "Failed to pull image \""+c.spec.Image+"\": "+err.Error())
		c.set(waiting("ErrImagePull", err.Error()))
		if !c.pod.sleep(backoff) {
			return idle, false
		}
		c.set(waiting("ImagePullBackOff", "Back-off pulling image \""+c.spec.Image+"\": ErrImagePull: "+err.Error()))
		backoff = min(2*backoff, maxCrashBackoff)
		if !c.pod.sleep(backoff) {
			return idle, false
		}
	}
}

// imageProgram pulls as the node's service account.
func (m *machine) imageProgram(image string) (program, error) {
	name := strings.TrimPrefix(image, "docker.io/")
	switch {
	case strings.HasPrefix(image, managerImage):
		return lwsManager, nil
	case strings.HasPrefix(image, exporterImage+":"), strings.HasPrefix(image, exporterImage+"@"):
		return processes, nil
	case strings.HasPrefix(name, "lmsysorg/sglang-jax:"), strings.HasPrefix(name, "lmsysorg/sglang-jax@"), strings.HasPrefix(name, "moby/buildkit:"):
		return processes, nil
	case strings.Contains(strings.SplitN(image, "/", 2)[0], "docker.pkg.dev"):
		if err := m.streams(image); err != nil {
			return idle, err
		}
		config, err := m.members.fleet.Images.Config(m.spec.ServiceAccount, image)
		if err != nil {
			return idle, err
		}
		if strings.TrimSuffix(config.Config.Labels[sourceLabel], ".git") == serverSource {
			return processes, nil
		}
	}
	return idle, nil
}

// streams says why a node that streams images of Artifact Registry cannot.
func (m *machine) streams(image string) error {
	if !m.spec.Streaming || m.members.fleet.Streaming == nil {
		return nil
	}
	if err := m.members.fleet.Streaming.StreamingAllowed(m.members.access.Project, m.spec.ServiceAccount); err != nil {
		return fmt.Errorf("failed to pull and unpack image %q: %w", image, err)
	}
	return nil
}

// makeRoot makes the folder that stands for the container's "/".
func (c *container) makeRoot() (string, error) {
	root := filepath.Join(c.dir(), "root")
	if err := os.RemoveAll(root); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(root, "tmp"), 0o700); err != nil {
		return "", err
	}
	mounts := append([]corev1.VolumeMount(nil), c.spec.VolumeMounts...)
	// What is mounted below another mount comes after it.
	sort.SliceStable(mounts, func(i, j int) bool { return len(mounts[i].MountPath) < len(mounts[j].MountPath) })
	for _, m := range mounts {
		at := filepath.Join(root, m.MountPath)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return "", err
		}
		if err := os.RemoveAll(at); err != nil { // /tmp is there already
			return "", err
		}
		if err := os.Symlink(filepath.Join(c.pod.volume(m.Name), m.SubPath), at); err != nil {
			return "", err
		}
	}
	return root, nil
}
