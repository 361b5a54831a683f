package cloud

import (
	"fmt"
	"net/netip"
	"strings"
)

// This file has rules that the provider implements in code, not in its schema. The sources are
// files of hashicorp/terraform-provider-google-beta 6.49.2, below google-beta/services.

// forcesNewByCode reports whether a change replaces the resource, for properties where that
// depends on the values.
func forcesNewByCode(typ, path string, old, now any) bool {
	switch typ + " " + path {
	case subnetKind + " ipCidrRange":
		// compute/resource_compute_subnetwork.go, IsShrinkageIpCidr: a range that contains
		// the old one is an expansion in place.
		return shrinks(old, now)
	case clusterKind + " enableL4IlbSubsetting", clusterKind + " enableFqdnNetworkPolicy":
		// container/resource_container_cluster.go, isBeenEnabled: they cannot be disabled.
		return old == true && now != true
	case bucketKind + " retentionPolicy.isLocked":
		// storage/resource_storage_bucket.go, isPolicyLocked.
		return old == true && now != true
	}
	return false
}

func shrinks(old, now any) bool {
	before, err := netip.ParsePrefix(fmt.Sprint(old))
	after, afterErr := netip.ParsePrefix(fmt.Sprint(now))
	if err != nil || afterErr != nil {
		return false
	}
	return after.Bits() > before.Bits() || !after.Contains(before.Masked().Addr())
}

// notUpdated lists properties that neither force a replacement nor are part of an update
// request: every preview shows the difference, and updates do not remove it.
var notUpdated = map[string][]string{
	// container/resource_container_node_pool.go, nodePoolUpdate, and
	// container/node_config.go, nodePoolNodeConfigUpdate.
	nodePoolKind: {
		"placementPolicy.type", "placementPolicy.tpuTopology",
		"networkConfig.podCidrOverprovisionConfig.disabled",
		"nodeConfig.sandboxConfig.sandboxType", "nodeConfig.soleTenantConfig.minNodeCpus",
		"nodeConfig.advancedMachineFeatures.performanceMonitoringUnit",
	},
	// container/resource_container_cluster.go, resourceContainerClusterUpdate.
	clusterKind: {"ipAllocationPolicy.podCidrOverprovisionConfig.disabled"},
}

// suppressed implements the DiffSuppressFuncs and StateFuncs of the properties that the
// program sets.
func suppressed(typ, path string, inputs, state any) bool {
	now, _ := inputs.(string)
	old, _ := state.(string)
	if now == "" && old == "" {
		return false
	}
	switch typ + " " + path {
	case repositoryKind + " format", nodePoolKind + " nodeConfig.imageType", firewallKind + " allows.protocol", bucketKind + " location":
		return strings.EqualFold(now, old)
	case clusterKind + " network", clusterKind + " subnetwork", subnetKind + " network", subnetKind + " region",
		routerKind + " network", firewallKind + " network", policyKind + " region":
		return sameResource(now, old)
	}
	return false
}

// sameResource is the provider's CompareSelfLinkOrResourceName: now is a name, a path or a
// self link.
func sameResource(now, old string) bool {
	if !strings.Contains(now, "/") {
		return now != "" && now == last(old)
	}
	return project(now) == project(old)
}

func project(link string) string {
	if i := strings.Index(link, "projects/"); i >= 0 {
		return link[i:]
	}
	return link
}
