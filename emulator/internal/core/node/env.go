package node

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	"sglang-tpu/spec/topology"
)

// environment returns the environment of the container's processes: the variables of its
// spec, and those that the emulated programs read.
func (c *container) environment(root string) ([]string, error) {
	p := c.pod
	m := p.machine
	values := map[string]string{}
	var names []string
	put := func(name, value string) {
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
		values[name] = value
	}
	for _, from := range c.spec.EnvFrom {
		if err := p.envFrom(from, put); err != nil {
			return nil, err
		}
	}
	for _, e := range c.spec.Env {
		value := expand(e.Value, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
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
		put(e.Name, c.hostPath(root, value))
	}
	for name, value := range map[string]string{
		"PATH": m.path(), "HOSTNAME": p.object.Name,
		"EMULATOR_SOCKET": m.members.fleet.Layout.Socket(),
		"EMULATOR_POD":    m.members.access.Name + "/" + p.object.Namespace + "/" + p.object.Name,
		"EMULATOR_LISTEN": p.loopback, "EMULATOR_ROOT": root, "EMULATOR_IMAGE": c.spec.Image,
		"EMULATOR_TPU_CHIPS": c.tpus(),
		"EMULATOR_SLICE":     "", "EMULATOR_TOPOLOGY": "",
		"KUBERNETES_SERVICE_HOST": m.members.access.Net.APIService(), "KUBERNETES_SERVICE_PORT": "443",
	} {
		put(name, value)
	}
	for name, folder := range map[string]string{"HOME": "root", "TMPDIR": "tmp"} {
		if _, given := values[name]; !given {
			put(name, filepath.Join(root, folder))
		}
	}
	if m.spec.TPUs > 0 {
		put("EMULATOR_SLICE", m.members.access.Name+"/"+m.spec.Pool)
		put("EMULATOR_TOPOLOGY", m.spec.Labels[topology.TopologyLabel])
	}
	env := make([]string, len(names))
	for i, name := range names {
		env[i] = name + "=" + values[name]
	}
	return env, nil
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

func (p *pod) envFrom(from corev1.EnvFromSource, put func(name, value string)) error {
	var data map[string][]byte
	var err error
	switch {
	case from.SecretRef != nil:
		data, err = p.secret(from.SecretRef.Name, from.SecretRef.Optional)
	case from.ConfigMapRef != nil:
		data, err = p.configMap(from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
	}
	for key, value := range data {
		put(from.Prefix+key, string(value))
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
	if apierrors.IsNotFound(err) && ptr.Deref(optional, false) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.Data, nil
}

func (p *pod) configMap(name string, optional *bool) (map[string][]byte, error) {
	m, err := p.machine.members.access.Informers.Core().V1().ConfigMaps().Lister().ConfigMaps(p.object.Namespace).Get(name)
	if apierrors.IsNotFound(err) && ptr.Deref(optional, false) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for key, value := range m.Data {
		data[key] = []byte(value)
	}
	maps.Copy(data, m.BinaryData)
	return data, nil
}

func lookupIn(env []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range env {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

// expand replaces $(NAME) as Kubernetes does: $$(NAME) is an escape, and unknown names are not
// replaced. Kubernetes' implementation (third_party/forked/golang/expansion) cannot be
// imported without all of Kubernetes, and virtual-kubelet's copy is internal.
func expand(s string, lookup func(string) (string, bool)) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		if s[i+1] == '$' {
			out.WriteByte('$')
			i++
			continue
		}
		end := strings.IndexByte(s[i:], ')')
		if s[i+1] != '(' || end < 0 {
			out.WriteByte('$')
			continue
		}
		if value, ok := lookup(s[i+2 : i+end]); ok {
			out.WriteString(value)
		} else {
			out.WriteString(s[i : i+end+1])
		}
		i += end
	}
	return out.String()
}
