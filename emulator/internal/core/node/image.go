package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/emulator/internal/guests"
	"sglang-tpu/emulator/internal/layout"
)

// sourceLabel is the label with the repository from which an image was built.
const sourceLabel = "org.opencontainers.image.source"

// pull pulls the image and retries as the kubelet does; false means that the pod ends.
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

// image pulls an image as the node's service account; nil if the image is not emulated.
func (m *machine) image(reference string) (*guests.Image, error) {
	if !strings.Contains(strings.SplitN(reference, "/", 2)[0], "docker.pkg.dev") {
		return guests.ByName(reference), nil
	}
	if m.spec.Streaming {
		if err := m.members.fleet.Cloud.StreamingAllowed(m.members.access.Project, m.spec.ServiceAccount); err != nil {
			return nil, fmt.Errorf("failed to pull and unpack image %q: %w", reference, err)
		}
	}
	config, err := m.members.fleet.Images.Config(m.spec.ServiceAccount, reference)
	if err != nil {
		return nil, err
	}
	return guests.BySource(config.Config.Labels[sourceLabel]), nil
}

// makeRoot creates the folder that is the container's root.
func (c *container) makeRoot() (string, error) {
	root := filepath.Join(c.dir(), "root")
	if err := os.RemoveAll(root); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(root, "tmp"), 0o700); err != nil {
		return "", err
	}
	// Nested mounts come after the mount that contains them.
	mounts := slices.SortedStableFunc(slices.Values(c.spec.VolumeMounts), func(a, b corev1.VolumeMount) int {
		return len(a.MountPath) - len(b.MountPath)
	})
	for _, m := range mounts {
		if err := layout.Link(filepath.Join(c.pod.volume(m.Name), m.SubPath), filepath.Join(root, m.MountPath)); err != nil {
			return "", err
		}
	}
	return root, nil
}
