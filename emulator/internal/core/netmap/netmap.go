// Package netmap maps the pod addresses of a cluster to loopback addresses, so that its network
// works without root. The pods of cluster k use 127.(64+k).0.0/16.
//
// The mapping is necessary because Endpoints must not contain loopback addresses. Services need
// none: the API server accepts a loopback range for them, 127.(96+k).0.0/16.
package netmap

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

const maxClusters = 32

// Net is one cluster's network.
type Net struct {
	index int
	pods  netip.Prefix
	lock  net.Listener

	mu   sync.Mutex
	next uint32
	used map[uint32]bool
}

// New reserves a network that no other emulator on this machine uses: the one with index want,
// or if want is -1 the first free one, starting at from. A resumed cluster needs its previous
// index, because its addresses must not change.
func New(podsCIDR string, from, want int) (*Net, error) {
	pods, err := netip.ParsePrefix(podsCIDR)
	if err != nil {
		return nil, fmt.Errorf("pod range %q: %w", podsCIDR, err)
	}
	n := &Net{pods: pods.Masked(), next: 2, used: map[uint32]bool{}}
	for i := range maxClusters {
		n.index = (from + i) % maxClusters
		if want >= 0 {
			n.index = want
		}
		// Listening on this address reserves the network.
		n.lock, err = net.Listen("tcp", fmt.Sprintf("127.%d.255.254:19999", 96+n.index))
		if err == nil {
			return n, nil
		}
		if want >= 0 {
			return nil, fmt.Errorf("network 127.%d.0.0/16 is in use, probably by another emulator on this machine; stop that one: %w", 96+n.index, err)
		}
	}
	return nil, fmt.Errorf("all %d networks of this machine's loopback range are in use by other emulators; stop one", maxClusters)
}

// Close releases the network.
func (n *Net) Close() error { return n.lock.Close() }

// Index returns the index of the network on this machine.
func (n *Net) Index() int { return n.index }

// Services returns the CIDR range of Services.
func (n *Net) Services() string { return fmt.Sprintf("127.%d.0.0/16", 96+n.index) }

// APIService returns the address of the Service "kubernetes".
func (n *Net) APIService() string { return fmt.Sprintf("127.%d.0.1", 96+n.index) }

// Allocate reserves a pod address and returns it with its loopback address.
func (n *Net) Allocate() (pod, loopback string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range 1 << 16 {
		offset := n.next & 0xffff
		n.next++
		if offset < 2 || offset&0xff == 0xff || n.used[offset] {
			continue
		}
		n.used[offset] = true
		return n.pod(offset).String(), n.loopback(offset), nil
	}
	return "", "", fmt.Errorf("pod range %s is full", n.pods)
}

// Release releases a pod address.
func (n *Net) Release(pod string) {
	if offset, ok := n.offset(pod); ok {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.used, offset)
	}
}

// Loopback returns the loopback address of a pod or Service address.
func (n *Net) Loopback(address string) (string, bool) {
	if offset, ok := n.offset(address); ok {
		return n.loopback(offset), true
	}
	ip, err := netip.ParseAddr(address)
	return address, err == nil && ip.IsLoopback()
}

func (n *Net) pod(offset uint32) netip.Addr {
	base := n.pods.Addr().As4()
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(base[:])+offset)
	return netip.AddrFrom4(b)
}

func (n *Net) loopback(offset uint32) string {
	return fmt.Sprintf("127.%d.%d.%d", 64+n.index, offset>>8, offset&0xff)
}

func (n *Net) offset(address string) (uint32, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil || !ip.Is4() || !n.pods.Contains(ip) {
		return 0, false
	}
	base, at := n.pods.Addr().As4(), ip.As4()
	offset := binary.BigEndian.Uint32(at[:]) - binary.BigEndian.Uint32(base[:])
	return offset, offset < 1<<16
}
