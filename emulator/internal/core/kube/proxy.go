package kube

import (
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// proxy replaces kube-proxy: it listens on the address of every Service, which is a loopback
// address, and forwards connections to a ready pod.
type proxy struct {
	access Access
	mu     sync.Mutex
	open   map[string]net.Listener // by address:port
}

// startProxy also forwards the Service of the API server to its address.
func startProxy(a Access, api string) *proxy {
	p := &proxy{access: a, open: map[string]net.Listener{}}
	p.listen(net.JoinHostPort(a.Net.APIService(), "443"), func() string { return api })
	a.Informers.Discovery().V1().EndpointSlices().Informer()
	// It fails only if the informer is stopped.
	_, _ = a.Informers.Core().V1().Services().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { p.serve(obj.(*corev1.Service)) },
		UpdateFunc: func(_, obj any) { p.serve(obj.(*corev1.Service)) },
		DeleteFunc: func(obj any) {
			if s, ok := obj.(*corev1.Service); ok {
				p.close(s)
			}
		},
	})
	return p
}

func (p *proxy) serve(s *corev1.Service) {
	if s.Spec.ClusterIP == "" || s.Spec.ClusterIP == corev1.ClusterIPNone || s.Name == "kubernetes" && s.Namespace == "default" {
		return
	}
	for _, port := range s.Spec.Ports {
		namespace, name, portName := s.Namespace, s.Name, port.Name
		p.listen(address(s, port), func() string { return p.endpoint(namespace, name, portName) })
	}
}

func address(s *corev1.Service, port corev1.ServicePort) string {
	return net.JoinHostPort(s.Spec.ClusterIP, strconv.Itoa(int(port.Port)))
}

func (p *proxy) close(s *corev1.Service) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, port := range s.Spec.Ports {
		if l := p.open[address(s, port)]; l != nil {
			_ = l.Close() // an error does not keep it open
			delete(p.open, address(s, port))
		}
	}
}

func (p *proxy) listen(at string, target func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[at] != nil {
		return
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		// Ports below 1024 may need privileges. The API server uses the tunnel instead.
		log.Printf("service proxy: %v", err)
		return
	}
	p.open[at] = l
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go forward(conn, target())
		}
	}()
}

// endpoint returns the loopback address of a random ready pod; empty if there is none.
func (p *proxy) endpoint(namespace, service, port string) string {
	var targets []string
	for _, slice := range p.access.slices(namespace, service) {
		for _, sp := range slice.Ports {
			if (sp.Name == nil && port == "") || (sp.Name != nil && *sp.Name == port) {
				for _, e := range slice.Endpoints {
					if loopback, ok := p.access.Net.Loopback(e.Addresses[0]); ok && ready(e) && sp.Port != nil {
						targets = append(targets, fmt.Sprintf("%s:%d", loopback, *sp.Port))
					}
				}
			}
		}
	}
	if len(targets) == 0 {
		return ""
	}
	return targets[rand.IntN(len(targets))]
}

func forward(conn net.Conn, to string) {
	if to == "" {
		_ = conn.Close()
		return
	}
	upstream, err := net.Dial("tcp", to)
	if err != nil {
		_ = conn.Close()
		return
	}
	join(conn, upstream)
}

// behind returns the loopback address of a ready pod for a Service's port; empty if there is
// none.
func (p *proxy) behind(namespace, service, port string) string {
	s, err := p.access.Informers.Core().V1().Services().Lister().Services(namespace).Get(service)
	if err != nil {
		return ""
	}
	for _, sp := range s.Spec.Ports {
		if strconv.Itoa(int(sp.Port)) == port {
			return p.endpoint(namespace, service, sp.Name)
		}
	}
	return ""
}
