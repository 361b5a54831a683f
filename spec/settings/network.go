package settings

import (
	"fmt"
	"net/netip"
)

func (l *loader) checkNetwork() {
	n := l.Network
	const key = "sglang-tpu:network"
	type named struct {
		key string
		net netip.Prefix
	}
	var ranges []named
	for _, r := range []struct{ field, value string }{
		{"nodes", n.Nodes}, {"pods", n.Pods}, {"services", n.Services}, {"controlPlane", n.ControlPlane},
	} {
		prefix, err := netip.ParsePrefix(r.value)
		if err != nil || !prefix.Addr().Is4() || prefix.Masked() != prefix {
			l.found.Add(key+"."+r.field, r.value, "is not an IPv4 range in CIDR notation", "use a range such as 10.4.0.0/14, whose host bits are zero")
			continue
		}
		if r.field == "controlPlane" && prefix.Bits() != 28 {
			l.found.Add(key+".controlPlane", r.value, "is not a /28, which GKE requires for a control plane", "use one such as 172.16.0.0/28")
		}
		for _, other := range ranges {
			if prefix.Overlaps(other.net) {
				l.found.Add(key+"."+r.field, r.value, fmt.Sprintf("overlaps %s (%s)", other.key, other.net), "use ranges that share no address")
			}
		}
		ranges = append(ranges, named{key + "." + r.field, prefix})
	}
	for i, value := range n.AuthorizedNetworks {
		field := fmt.Sprintf("%s.authorizedNetworks[%d]", key, i)
		prefix, err := netip.ParsePrefix(value)
		switch {
		case err != nil || prefix.Masked() != prefix:
			l.found.Add(field, value, "is not a range in CIDR notation", "use a range such as 203.0.113.7/32")
		case prefix.Bits() == 0:
			l.found.Add(field, value, "opens the control plane to every address", "name your own ranges, or leave the list empty and use the DNS endpoint")
		}
	}
}
