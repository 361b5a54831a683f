package kube

import (
	"fmt"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Resolve implements the cluster's DNS for a pod of a namespace. It returns the loopback address
// of a host: an address, a Service, or a pod of a headless Service. The error for an unknown name
// is that of glibc.
func (a Access) Resolve(namespace, host string) (string, error) {
	if address, ok := a.Net.Loopback(host); ok {
		return address, nil
	}
	name := strings.TrimSuffix(strings.TrimSuffix(host, "."), ".svc.cluster.local")
	parts := strings.Split(strings.TrimSuffix(name, ".svc"), ".")
	switch len(parts) {
	case 1:
		if address, ok := a.service(namespace, parts[0]); ok {
			return address, nil
		}
	case 2: // service.namespace, or pod.service in the caller's namespace
		if address, ok := a.pod(namespace, parts[1], parts[0]); ok {
			return address, nil
		}
		if address, ok := a.service(parts[1], parts[0]); ok {
			return address, nil
		}
	case 3:
		if address, ok := a.pod(parts[2], parts[1], parts[0]); ok {
			return address, nil
		}
	}
	return "", fmt.Errorf("%s: Name or service not known", host)
}

func (a Access) service(namespace, name string) (string, bool) {
	s, err := a.Informers.Core().V1().Services().Lister().Services(namespace).Get(name)
	if err != nil || s.Spec.ClusterIP == "" || s.Spec.ClusterIP == "None" {
		return "", false
	}
	return s.Spec.ClusterIP, true
}

// pod resolves a pod by its hostname in a headless Service. If the Service publishes addresses
// that are not ready, the EndpointSlice controller marks them as ready.
func (a Access) pod(namespace, service, hostname string) (string, bool) {
	for _, slice := range a.slices(namespace, service) {
		for _, e := range slice.Endpoints {
			if e.Hostname != nil && *e.Hostname == hostname && ready(e) && len(e.Addresses) > 0 {
				return a.Net.Loopback(e.Addresses[0])
			}
		}
	}
	return "", false
}

func (a Access) slices(namespace, service string) []*discoveryv1.EndpointSlice {
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service})
	// Listing from the cache cannot fail.
	slices, _ := a.Informers.Discovery().V1().EndpointSlices().Lister().EndpointSlices(namespace).List(selector)
	return slices
}

func ready(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready }
