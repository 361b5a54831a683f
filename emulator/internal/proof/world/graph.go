package world

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Waits returns for each resource of a state all others for which it waits, directly or indirectly: its dependencies, its
// provider, and its component, which is registered before it. A resource that depends on a component waits for all
// resources in it.
func Waits(d *apitype.DeploymentV3) map[resource.URN]map[resource.URN]bool {
	byURN := map[resource.URN]apitype.ResourceV3{}
	inside := map[resource.URN][]resource.URN{}
	for _, r := range d.Resources {
		byURN[r.URN] = r
		inside[r.Parent] = append(inside[r.Parent], r.URN)
	}
	all := map[resource.URN]map[resource.URN]bool{}
	var above func(urn resource.URN) map[resource.URN]bool
	above = func(urn resource.URN) map[resource.URN]bool {
		if found, done := all[urn]; done {
			return found
		}
		found := map[resource.URN]bool{}
		all[urn] = found
		add := func(urn resource.URN) {
			found[urn] = true
			for further := range above(urn) {
				found[further] = true
			}
		}
		r := byURN[urn]
		var whole func(urn resource.URN)
		whole = func(urn resource.URN) {
			add(urn)
			if !byURN[urn].Custom {
				for _, child := range inside[urn] {
					whole(child)
				}
			}
		}
		for _, urn := range r.Dependencies {
			whole(urn)
		}
		if r.Parent != "" {
			add(r.Parent)
		}
		if at := strings.LastIndex(r.Provider, "::"); at > 0 {
			add(resource.URN(r.Provider[:at]))
		}
		return found
	}
	for urn := range byURN {
		above(urn)
	}
	return all
}
