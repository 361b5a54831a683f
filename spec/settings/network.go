package settings

import (
	"errors"
	"fmt"
	"net/netip"
)

// Network holds address ranges in CIDR notation.
type Network struct {
	Nodes              string   `json:"nodes"`
	Pods               string   `json:"pods"`
	Services           string   `json:"services"`
	ControlPlane       string   `json:"controlPlane"`       // a /28
	AuthorizedNetworks []string `json:"authorizedNetworks"` // empty: only the DNS endpoint, by IAM
}

func checkNetwork(n Network) error {
	const key = "sglang-tpu:network"
	var errs []error
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
			errs = append(errs, invalid(key+"."+r.field, r.value, "is not an IPv4 range in CIDR notation", "use one such as 10.4.0.0/14, with the host bits zero"))
			continue
		}
		if r.field == "controlPlane" && prefix.Bits() != 28 {
			errs = append(errs, invalid(key+".controlPlane", r.value, "is not a /28, which is what GKE takes for a control plane", "use one such as 172.16.0.0/28"))
		}
		for _, other := range ranges {
			if prefix.Overlaps(other.net) {
				errs = append(errs, invalid(key+"."+r.field, r.value, fmt.Sprintf("overlaps %s (%s)", other.key, other.net), "use ranges that share no address"))
			}
		}
		ranges = append(ranges, named{key + "." + r.field, prefix})
	}
	for i, value := range n.AuthorizedNetworks {
		field := fmt.Sprintf("%s.authorizedNetworks[%d]", key, i)
		prefix, err := netip.ParsePrefix(value)
		switch {
		case err != nil || prefix.Masked() != prefix:
			errs = append(errs, invalid(field, value, "is not a range in CIDR notation", "use one such as 203.0.113.7/32"))
		case prefix.Bits() == 0:
			errs = append(errs, invalid(field, value, "opens the control plane to every address there is", "name your own ranges, or leave the list empty and use the DNS endpoint"))
		}
	}
	return errors.Join(errs...)
}
