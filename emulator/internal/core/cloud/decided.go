package cloud

import (
	"net"
	"slices"
	"strings"
)

// What the provider's code decides beside its schema. The sources are files of
// hashicorp/terraform-provider-google-beta 6.49.2, below google-beta/services.

// forcesNewByCode are properties whose change replaces only sometimes.
func forcesNewByCode(typ, path string, old, now any) bool {
	switch typ + " " + path {
	case subnetKind + " ipCidrRange":
		// compute/resource_compute_subnetwork.go, IsShrinkageIpCidr: a range that holds the
		// old one is expanded in place.
		return shrinks(old, now)
	case clusterKind + " enableL4IlbSubsetting", clusterKind + " enableFqdnNetworkPolicy":
		// container/resource_container_cluster.go, isBeenEnabled: they cannot be switched off.
		return old == true && now != true
	case bucketKind + " retentionPolicy.isLocked":
		// storage/resource_storage_bucket.go, isPolicyLocked.
		return old == true && now != true
	}
	return false
}

func shrinks(old, now any) bool {
	was, _ := old.(string)
	is, _ := now.(string)
	_, before, err := net.ParseCIDR(was)
	_, after, afterErr := net.ParseCIDR(is)
	if err != nil || afterErr != nil {
		return false
	}
	had, _ := before.Mask.Size()
	has, _ := after.Mask.Size()
	return has > had || !after.Contains(before.IP)
}

// stay lists what is neither replaced nor part of any update request: a difference is
// shown at each preview, and an update changes nothing.
var stay = map[string][]string{
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

func stays(typ, path string) bool { return slices.Contains(stay[typ], path) }

// suppressed are the schema's DiffSuppressFuncs and StateFuncs, as far as the program
// can meet them.
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
	case clusterKind + " datapathProvider":
		return unspecified(now, old, "DATAPATH_PROVIDER_UNSPECIFIED")
	case clusterKind + " securityPostureConfig.mode":
		return unspecified(now, old, "MODE_UNSPECIFIED")
	case clusterKind + " securityPostureConfig.vulnerabilityMode":
		return unspecified(now, old, "VULNERABILITY_MODE_UNSPECIFIED")
	}
	return false
}

// sameResource is CompareSelfLinkOrResourceName: a name, or a path with or without the
// address of an API before it.
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

// unspecified is EmptyOrDefaultStringSuppress.
func unspecified(now, old, value string) bool {
	return now == "" && old == value || now == value && old == ""
}
