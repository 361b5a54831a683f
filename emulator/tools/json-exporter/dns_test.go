package main

import (
	"context"
	"net"
	"net/netip"
	"testing"
)

func TestNamesResolveAsInTheCluster(t *testing.T) {
	known := map[string]netip.Addr{"leader.set.sglang.svc.": netip.MustParseAddr("127.64.0.7")}
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answer(theirs, func(name string) (netip.Addr, bool) { a, ok := known[name]; return a, ok })
		return ours, nil
	}}
	addresses, err := resolver.LookupHost(context.Background(), "leader.set.sglang.svc")
	if err != nil || len(addresses) != 1 || addresses[0] != "127.64.0.7" {
		t.Errorf("the leader is at %v, %v", addresses, err)
	}
	if addresses, err := resolver.LookupHost(context.Background(), "nobody.set.sglang.svc"); err == nil {
		t.Errorf("nobody is at %v", addresses)
	}
}
