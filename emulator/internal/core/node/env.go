package node

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
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
	for _, from := range c.spec.EnvFrom {
		if err := p.envFrom(from, values); err != nil {
			return nil, err
		}
	}
	for _, e := range c.spec.Env {
		value := expand(e.Value, values)
		if e.ValueFrom != nil {
			var ok bool
			var err error
			if value, ok, err = p.valueFrom(e.ValueFrom); err != nil {
				return nil, err
			}
			if !ok {
				continue
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

func (p *pod) envFrom(from corev1.EnvFromSource, values map[string]string) error {
	var data map[string][]byte
	var err error
	switch {
	case from.SecretRef != nil:
		data, err = p.secret(from.SecretRef.Name, from.SecretRef.Optional)
	case from.ConfigMapRef != nil:
		data, err = p.configMap(from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
	}
	for key, value := range data {
		values[from.Prefix+key] = string(value)
	}
	return err
}

func (p *pod) valueFrom(from *corev1.EnvVarSource) (value string, ok bool, err error) {
	switch {
	case from.FieldRef != nil:
		value, err = p.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		data, err := p.secret(ref.Name, ref.Optional)
		return entry(data, ref.Key, ref.Optional, "Secret "+p.object.Namespace+"/"+ref.Name, err)
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		data, err := p.configMap(ref.Name, ref.Optional)
		return entry(data, ref.Key, ref.Optional, "ConfigMap "+p.object.Namespace+"/"+ref.Name, err)
	default:
		return "", false, fmt.Errorf("this source of an environment variable is not emulated")
	}
}

func entry(data map[string][]byte, key string, optional *bool, what string, err error) (string, bool, error) {
	value, ok := data[key]
	if err == nil && !ok && !ptr.Deref(optional, false) {
		err = fmt.Errorf("couldn't find key %s in %s", key, what)
	}
	return string(value), ok, err
}

// field returns a field of the downward API. Kubernetes' implementation
// (k8s.io/kubernetes/pkg/fieldpath) cannot be imported without all of Kubernetes; the copies
// of kubectl and virtual-kubelet support only metadata.
func (p *pod) field(path string) (string, error) {
	o := p.object
	for prefix, from := range map[string]map[string]string{"metadata.labels[": o.Labels, "metadata.annotations[": o.Annotations} {
		if key, ok := strings.CutPrefix(path, prefix); ok {
			return from[strings.Trim(key, "']\"")], nil
		}
	}
	switch path {
	case "metadata.name":
		return o.Name, nil
	case "metadata.namespace":
		return o.Namespace, nil
	case "metadata.uid":
		return string(o.UID), nil
	case "spec.nodeName":
		return o.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return o.Spec.ServiceAccountName, nil
	case "status.podIP", "status.podIPs":
		return p.ip, nil
	case "status.hostIP", "status.hostIPs":
		return p.machine.address, nil
	default:
		return "", fmt.Errorf("unsupported fieldPath: %s", path)
	}
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
