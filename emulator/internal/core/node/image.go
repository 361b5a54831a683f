package node

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/emulator/internal/guests"
)

// sourceLabel says which repository an image was built from.
const sourceLabel = "org.opencontainers.image.source"

// pull gets the image, trying again as a kubelet does; false means that the pod ends.
func (c *container) pull() (*guests.Image, bool) {
	backoff := time.Second
	for {
		image, err := c.pod.machine.image(c.spec.Image)
		if err == nil {
			return image, true
		}
		c.pod.event(corev1.EventTypeWarning, "Failed", "Failed to pull image \""+c.spec.Image+"\": "+err.Error())
		c.set(waiting("ErrImagePull", err.Error()))
		if !c.pod.sleep(backoff) {
			return nil, false
		}
		c.set(waiting("ImagePullBackOff", "Back-off pulling image \""+c.spec.Image+"\": ErrImagePull: "+err.Error()))
		backoff = min(2*backoff, maxCrashBackoff)
		if !c.pod.sleep(backoff) {
			return nil, false
		}
	}
}

// image pulls as the node's service account; nil for an image that does nothing here.
func (m *machine) image(reference string) (*guests.Image, error) {
	if !strings.Contains(strings.SplitN(reference, "/", 2)[0], "docker.pkg.dev") {
		return guests.ByName(reference), nil
	}
	if err := m.streams(reference); err != nil {
		return nil, err
	}
	config, err := m.members.fleet.Images.Config(m.spec.ServiceAccount, reference)
	if err != nil {
		return nil, err
	}
	return guests.BySource(config.Config.Labels[sourceLabel]), nil
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
