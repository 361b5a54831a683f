package kube

import (
	"fmt"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"

	"sglang-tpu/emulator/internal/core/netmap"
)

// resolver is the cluster's DNS, and answers with loopback addresses.
type resolver struct {
	net     *netmap.Net
	factory informers.SharedInformerFactory
}

// resolve finds a host as a pod in that namespace would: an address, a Service, or a
// pod of a headless Service. What DNS does not know is an error in the words of Linux.
func (r *resolver) resolve(namespace, host string) (string, error) {
	if address, ok := r.net.Loopback(host); ok {
		return address, nil
	}
	name := strings.TrimSuffix(strings.TrimSuffix(host, "."), ".svc.cluster.local")
	parts := strings.Split(strings.TrimSuffix(name, ".svc"), ".")
	switch len(parts) {
	case 1:
		if address, ok := r.service(namespace, parts[0]); ok {
			return address, nil
		}
	case 2: // service.namespace, or pod.service in the caller's namespace
		if address, ok := r.pod(namespace, parts[1], parts[0]); ok {
			return address, nil
		}
		if address, ok := r.service(parts[1], parts[0]); ok {
			return address, nil
		}
	case 3:
		if address, ok := r.pod(parts[2], parts[1], parts[0]); ok {
			return address, nil
		}
	}
	return "", fmt.Errorf("%s: Name or service not known", host)
}

func (r *resolver) service(namespace, name string) (string, bool) {
	s, err := r.factory.Core().V1().Services().Lister().Services(namespace).Get(name)
	if err != nil || s.Spec.ClusterIP == "" || s.Spec.ClusterIP == "None" {
		return "", false
	}
	return s.Spec.ClusterIP, true
}

// pod finds a pod by its hostname in a headless Service. Endpoints that are not ready
// count if the Service publishes them, which the API server does by marking them ready.
func (r *resolver) pod(namespace, service, hostname string) (string, bool) {
	for _, slice := range r.slices(namespace, service) {
		for _, e := range slice.Endpoints {
			if e.Hostname != nil && *e.Hostname == hostname && ready(e) && len(e.Addresses) > 0 {
				return r.net.Loopback(e.Addresses[0])
			}
		}
	}
	return "", false
}

func (r *resolver) slices(namespace, service string) []*discoveryv1.EndpointSlice {
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service})
	// The lister reads a cache and cannot fail.
	slices, _ := r.factory.Discovery().V1().EndpointSlices().Lister().EndpointSlices(namespace).List(selector)
	return slices
}

func ready(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready }
