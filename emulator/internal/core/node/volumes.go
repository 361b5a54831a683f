package node

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/kube"
)

// mount makes the pod's volumes, trying again as a kubelet does; false means that the
// pod ends first.
func (p *pod) mount() bool {
	for _, v := range p.object.Spec.Volumes {
		wait := 250 * time.Millisecond
		for {
			err := p.mountVolume(v)
			if err == nil {
				break
			}
			var attach attachError
			switch {
			case errors.As(err, &attach):
				p.event(corev1.EventTypeWarning, "FailedAttachVolume", err.Error())
			case !errors.Is(err, errNotBound):
				p.event(corev1.EventTypeWarning, "FailedMount", fmt.Sprintf("MountVolume.SetUp failed for volume %q : %v", v.Name, err))
			}
			if !p.sleep(wait) {
				return false
			}
			wait = min(2*wait, 2*time.Second)
		}
	}
	go p.refresh()
	return true
}

// errNotBound is no event: the controllers are still at work.
var errNotBound = errors.New("claim is not bound yet")

type attachError struct{ error }

func (p *pod) mountVolume(v corev1.Volume) error {
	at := p.volume(v.Name)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	switch {
	case v.PersistentVolumeClaim != nil:
		return p.mountDisk(v.PersistentVolumeClaim.ClaimName, at)
	case v.Ephemeral != nil:
		return p.mountDisk(p.object.Name+"-"+v.Name, at)
	case v.CSI != nil && v.CSI.Driver == secretDriver:
		return p.mountSecrets(v.CSI, v.Name)
	case v.CSI != nil:
		return p.mountBucket(v.CSI, at)
	case v.EmptyDir != nil:
		return os.MkdirAll(at, 0o700)
	default:
		if err := os.MkdirAll(at, 0o700); err != nil {
			return err
		}
		return p.writeFiles(v)
	}
}

// mountDisk waits for a claim's disk, and attaches it if Compute Engine lets it.
func (p *pod) mountDisk(claimName, at string) error {
	a := p.machine.members.access
	claim, err := a.Client.CoreV1().PersistentVolumeClaims(p.object.Namespace).Get(p.ctx, claimName, metav1.GetOptions{})
	if err != nil || claim.Spec.VolumeName == "" || claim.Status.Phase != corev1.ClaimBound {
		return errNotBound
	}
	volume, err := a.Client.CoreV1().PersistentVolumes().Get(p.ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if volume.Spec.CSI == nil {
		return fmt.Errorf("volume %s is of a kind that is not emulated", volume.Name)
	}
	if err := cloud.AttachError(volume.Spec.CSI.VolumeAttributes[kube.DiskTypeAttribute], p.machine.spec.MachineType); err != nil {
		return attachError{fmt.Errorf("AttachVolume.Attach failed for volume %q : rpc error: code = Internal desc = Failed to Attach: failed cloud service attach disk call: %w", volume.Name, err)}
	}
	disk := p.machine.members.fleet.Layout.Disk(volume.Name)
	if err := os.MkdirAll(disk, 0o700); err != nil {
		return err
	}
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	return os.Symlink(disk, at)
}

// writeFiles fills a volume that is made of API objects.
func (p *pod) writeFiles(v corev1.Volume) error {
	switch {
	case v.Secret != nil:
		data, err := p.secret(v.Secret.SecretName, v.Secret.Optional)
		return p.write(v.Name, data, v.Secret.Items, err, p.inMemory)
	case v.ConfigMap != nil:
		data, err := p.configMap(v.ConfigMap.Name, v.ConfigMap.Optional)
		return p.write(v.Name, data, v.ConfigMap.Items, err, onDisk)
	case v.Projected != nil:
		for _, source := range v.Projected.Sources {
			if err := p.project(v.Name, source); err != nil {
				return err
			}
		}
		return nil
	default:
		return errors.New("volumes of this kind are not emulated")
	}
}

func (p *pod) project(volume string, source corev1.VolumeProjection) error {
	switch {
	case source.ServiceAccountToken != nil:
		file := filepath.Join(p.volume(volume), source.ServiceAccountToken.Path)
		if _, err := os.Stat(file); err == nil {
			return nil // it is good for longer than anything lives here
		}
		var audiences []string
		if a := source.ServiceAccountToken.Audience; a != "" {
			audiences = []string{a}
		}
		token, err := p.token(audiences, 365*24*3600)
		return p.write(volume, map[string][]byte{source.ServiceAccountToken.Path: []byte(token)}, nil, err, p.inMemory)
	case source.Secret != nil:
		data, err := p.secret(source.Secret.Name, source.Secret.Optional)
		return p.write(volume, data, source.Secret.Items, err, p.inMemory)
	case source.ConfigMap != nil:
		data, err := p.configMap(source.ConfigMap.Name, source.ConfigMap.Optional)
		return p.write(volume, data, source.ConfigMap.Items, err, onDisk)
	case source.DownwardAPI != nil:
		data := map[string][]byte{}
		for _, item := range source.DownwardAPI.Items {
			if item.FieldRef == nil {
				return errors.New("this source of the downward API is not emulated")
			}
			value, err := p.field(item.FieldRef.FieldPath)
			if err != nil {
				return err
			}
			data[item.Path] = []byte(value)
		}
		return p.write(volume, data, nil, nil, onDisk)
	default:
		return errors.New("projections of this kind are not emulated")
	}
}

// write puts changed entries in place, each at once.
func (p *pod) write(volume string, data map[string][]byte, items []corev1.KeyToPath, err error, put func(file string, value []byte) error) error {
	if err != nil || data == nil { // nil: it is optional, and not there
		return err
	}
	files := data
	if len(items) > 0 {
		files = map[string][]byte{}
		for _, item := range items {
			value, ok := data[item.Key]
			if !ok {
				return fmt.Errorf("references non-existent secret key: %s", item.Key)
			}
			files[item.Path] = value
		}
	}
	for name, value := range files {
		file := filepath.Join(p.volume(volume), name)
		if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, value) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := put(file, value); err != nil {
			return err
		}
	}
	return nil
}

// onDisk puts what is no secret in place, all of it at once.
func onDisk(file string, value []byte) error {
	if err := os.WriteFile(file+".new", value, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// refresh keeps secrets and config maps as the API has them. A kubelet does so each
// minute; waiting that long would show nothing more.
func (p *pod) refresh() {
	for p.sleep(time.Second) {
		for _, v := range p.object.Spec.Volumes {
			if v.Secret == nil && v.ConfigMap == nil && v.Projected == nil {
				continue
			}
			if err := p.writeFiles(v); err != nil && p.ctx.Err() == nil {
				log.Printf("volume %s of %s/%s: %v", v.Name, p.object.Namespace, p.object.Name, err)
			}
		}
	}
}
