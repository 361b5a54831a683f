package node

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	"sglang-tpu/spec/topology"
)

// environment returns the environment of the container's processes: the variables of its
// spec, and those that the emulated programs read.
func (c *container) environment(root string) (map[string]string, error) {
	p := c.pod
	m := p.machine
	values := map[string]string{}
	if len(c.spec.EnvFrom) > 0 {
		return nil, errors.New("envFrom is not emulated")
	}
	for _, e := range c.spec.Env {
		value := expand(e.Value, values)
		if e.ValueFrom != nil {
			if e.ValueFrom.FieldRef == nil {
				return nil, errors.New("this source of an environment variable is not emulated")
			}
			var err error
			if value, err = p.field(e.ValueFrom.FieldRef.FieldPath); err != nil {
				return nil, err
			}
		}
		values[e.Name] = c.hostPath(root, value)
	}
	maps.Copy(values, map[string]string{
		"PATH": m.path(), "HOSTNAME": p.object.Name,
		"HOME":            cmp.Or(values["HOME"], filepath.Join(root, "root")),
		"TMPDIR":          cmp.Or(values["TMPDIR"], filepath.Join(root, "tmp")),
		"EMULATOR_SOCKET": m.members.fleet.Layout.Socket(),
		"EMULATOR_POD":    m.members.access.Name + "/" + p.object.Namespace + "/" + p.object.Name,
		"EMULATOR_LISTEN": p.loopback, "EMULATOR_ROOT": root, "EMULATOR_IMAGE": c.spec.Image,
		"EMULATOR_TPU_CHIPS": c.tpus(),
		"EMULATOR_SLICE":     "", "EMULATOR_TOPOLOGY": "",
		"KUBERNETES_SERVICE_HOST": m.members.access.Net.APIService(), "KUBERNETES_SERVICE_PORT": "443",
	})
	if m.spec.TPUs > 0 {
		values["EMULATOR_SLICE"] = m.members.access.Name + "/" + m.spec.Pool
		values["EMULATOR_TOPOLOGY"] = m.spec.Labels[topology.TopologyLabel]
	}
	return values, nil
}

// environ returns the environment as an operating system expects it.
func (i *instance) environ() []string {
	var all []string
	for name, value := range i.env {
		all = append(all, name+"="+value)
	}
	return all
}

// hostPath converts a path on a volume to its path on this machine, for programs such as
// shells that do not know the container's root.
func (c *container) hostPath(root, value string) string {
	for _, m := range c.spec.VolumeMounts {
		if value == m.MountPath || strings.HasPrefix(value, m.MountPath+"/") {
			return filepath.Join(root, value)
		}
	}
	return value
}

// field returns a field of the downward API. Kubernetes' implementation
// (k8s.io/kubernetes/pkg/fieldpath) cannot be imported without all of Kubernetes; the copies
// of kubectl and virtual-kubelet support only metadata.
func (p *pod) field(path string) (string, error) {
	o := p.object
	value, ok := map[string]string{
		"metadata.name": o.Name, "metadata.namespace": o.Namespace, "metadata.uid": string(o.UID),
		"spec.nodeName": o.Spec.NodeName, "spec.serviceAccountName": o.Spec.ServiceAccountName,
		"status.podIP": p.ip, "status.podIPs": p.ip, "status.hostIP": p.machine.address, "status.hostIPs": p.machine.address,
	}[path]
	if !ok {
		return "", fmt.Errorf("unsupported fieldPath: %s", path)
	}
	return value, nil
}

func (p *pod) secret(name string, optional *bool) (map[string][]byte, error) {
	s, err := p.machine.members.access.Informers.Core().V1().Secrets().Lister().Secrets(p.object.Namespace).Get(name)
	if err != nil {
		return nil, required(err, optional)
	}
	return s.Data, nil
}

func (p *pod) configMap(name string, optional *bool) (map[string][]byte, error) {
	m, err := p.machine.members.access.Informers.Core().V1().ConfigMaps().Lister().ConfigMaps(p.object.Namespace).Get(name)
	if err != nil {
		return nil, required(err, optional)
	}
	data := map[string][]byte{}
	for key, value := range m.Data {
		data[key] = []byte(value)
	}
	maps.Copy(data, m.BinaryData)
	return data, nil
}

// required drops the error for an optional object that does not exist.
func required(err error, optional *bool) error {
	if apierrors.IsNotFound(err) && ptr.Deref(optional, false) {
		return nil
	}
	return err
}

// reference matches $$, an escape, and $(NAME).
var reference = regexp.MustCompile(`\$\$|\$\([^)]*\)`)

// expand replaces $(NAME) as Kubernetes does: $$(NAME) is an escape, and unknown names are not
// replaced. Kubernetes' implementation (third_party/forked/golang/expansion) cannot be
// imported without all of Kubernetes, and virtual-kubelet's copy is internal.
func expand(s string, values map[string]string) string {
	return reference.ReplaceAllStringFunc(s, func(found string) string {
		if found == "$$" {
			return "$"
		}
		if value, ok := values[found[2:len(found)-1]]; ok {
			return value
		}
		return found
	})
}
