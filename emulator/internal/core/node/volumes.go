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
	"sglang-tpu/emulator/internal/layout"
)

// mount mounts the pod's volumes and retries as the kubelet does; false means that the pod
// ends.
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

// errNotBound causes no event, because the claim may still be bound.
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

// mountDisk attaches the disk of a bound claim.
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
		return fmt.Errorf("the type of volume %s is not emulated", volume.Name)
	}
	if err := cloud.AttachError(volume.Spec.CSI.VolumeAttributes[kube.DiskTypeAttribute], p.machine.spec.MachineType); err != nil {
		return attachError{fmt.Errorf("AttachVolume.Attach failed for volume %q : rpc error: code = Internal desc = Failed to Attach: failed cloud service attach disk call: %w", volume.Name, err)}
	}
	disk := p.machine.members.fleet.Layout.Disk(volume.Name)
	if err := os.MkdirAll(disk, 0o700); err != nil {
		return err
	}
	return layout.Link(disk, at)
}

// writeFiles writes the files of a Secret, ConfigMap or projected volume.
func (p *pod) writeFiles(v corev1.Volume) error {
	var sources []corev1.VolumeProjection
	switch {
	case v.Secret != nil:
		sources = []corev1.VolumeProjection{{Secret: &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: v.Secret.SecretName}, Items: v.Secret.Items, Optional: v.Secret.Optional,
		}}}
	case v.ConfigMap != nil:
		sources = []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: v.ConfigMap.LocalObjectReference, Items: v.ConfigMap.Items, Optional: v.ConfigMap.Optional,
		}}}
	case v.Projected != nil:
		sources = v.Projected.Sources
	default:
		return errors.New("volumes of this type are not emulated")
	}
	for _, source := range sources {
		if err := p.project(v.Name, source); err != nil {
			return err
		}
	}
	return nil
}

func (p *pod) project(volume string, source corev1.VolumeProjection) error {
	switch {
	case source.ServiceAccountToken != nil:
		file := filepath.Join(p.volume(volume), source.ServiceAccountToken.Path)
		if _, err := os.Stat(file); err == nil {
			return nil // tokens need no rotation; see token
		}
		var audiences []string
		if a := source.ServiceAccountToken.Audience; a != "" {
			audiences = []string{a}
		}
		token, err := p.token(audiences...)
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
		return errors.New("projections of this type are not emulated")
	}
}

// write writes the entries that have changed, each atomically.
func (p *pod) write(volume string, data map[string][]byte, items []corev1.KeyToPath, err error, put func(file string, value []byte) error) error {
	if err != nil || data == nil { // nil: an optional object that does not exist
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

// onDisk atomically writes a file that is not secret.
func onDisk(file string, value []byte) error {
	return layout.WriteFile(file, value, 0o600)
}

// refresh updates the files of Secrets and ConfigMaps every second. The kubelet does so about
// every minute.
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
