package world

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Waits reads from a state which others each resource waits for, all the way: those that it depends on, its provider, and
// its component, which is registered before it.
func Waits(d *apitype.DeploymentV3) map[resource.URN]map[resource.URN]bool {
	byURN := map[resource.URN]apitype.ResourceV3{}
	for _, r := range d.Resources {
		byURN[r.URN] = r
	}
	all := map[resource.URN]map[resource.URN]bool{}
	var above func(urn resource.URN) map[resource.URN]bool
	above = func(urn resource.URN) map[resource.URN]bool {
		if found, done := all[urn]; done {
			return found
		}
		found := map[resource.URN]bool{}
		all[urn] = found
		r := byURN[urn]
		next := slices.Clone(r.Dependencies)
		if r.Parent != "" {
			next = append(next, r.Parent)
		}
		if at := strings.LastIndex(r.Provider, "::"); at > 0 {
			next = append(next, resource.URN(r.Provider[:at]))
		}
		for _, urn := range next {
			found[urn] = true
			for further := range above(urn) {
				found[further] = true
			}
		}
		return found
	}
	for urn := range byURN {
		above(urn)
	}
	return all
}
