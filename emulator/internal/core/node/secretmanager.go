package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/core/kube"
)

// Names of GKE's Secret Manager add-on.
const (
	secretDriver   = "secrets-store-gke.csi.k8s.io"
	secretProvider = "gke"
	secretClasses  = "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/%s/secretproviderclasses/%s"
)

// mountSecrets writes the secrets of the volume's SecretProviderClass, read with the pod's
// identity.
func (p *pod) mountSecrets(source *corev1.CSIVolumeSource, volume string) error {
	fleet, access := p.machine.members.fleet, p.machine.members.access
	if !fleet.Cloud.SecretManagerEnabled(access.Name) {
		return fmt.Errorf("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name %s not found in the list of registered CSI drivers", source.Driver)
	}
	name := source.VolumeAttributes["secretProviderClass"]
	text, err := access.Client.Discovery().RESTClient().Get().AbsPath(fmt.Sprintf(secretClasses, p.object.Namespace, name)).DoRaw(p.ctx)
	if err != nil {
		return status.Errorf(codes.Unknown, "failed to get secretproviderclass %s/%s, error: %v", p.object.Namespace, name, err)
	}
	var class struct {
		Spec struct {
			Provider   string            `json:"provider"`
			Parameters map[string]string `json:"parameters"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(text, &class); err != nil {
		return err
	}
	var wanted []struct {
		ResourceName string `json:"resourceName"`
		Path         string `json:"path"`
	}
	if err := yaml.Unmarshal([]byte(class.Spec.Parameters["secrets"]), &wanted); err != nil || class.Spec.Provider != secretProvider || len(wanted) == 0 {
		return status.Errorf(codes.Unknown, "failed to mount secrets store objects for pod %s/%s, err: error connecting to provider %q: provider not found", p.object.Namespace, p.object.Name, class.Spec.Provider)
	}
	if err := os.MkdirAll(p.volume(volume), 0o700); err != nil {
		return err
	}
	for _, w := range wanted {
		value, err := fleet.Cloud.AccessSecret(access.Project, w.ResourceName, p.object.Namespace, kube.ServiceAccount(p.object))
		if err != nil {
			return status.Errorf(codes.Unknown, "failed to mount secrets store objects for pod %s/%s, err: %v", p.object.Namespace, p.object.Name, err)
		}
		if err := p.inMemory(filepath.Join(p.volume(volume), w.Path), []byte(value)); err != nil {
			return err
		}
	}
	return nil
}
