package cloud

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// checkNodePool refuses at once what GKE's API refuses at once. Sources are named where
// the rule is; the texts of the flex-start rules are reported from tpu7x node pools.
func checkNodePool(c *Cloud, in Values) error {
	machine := in.text("nodeConfig.machineType")
	tpu := tpuMachine.FindStringSubmatch(machine)
	if tpu == nil {
		if !cpuMachine.MatchString(machine) {
			// Open: the text was not seen on a real GKE.
			return fmt.Errorf("googleapi: Error 400: Machine type %q does not exist in zone %q., badRequest", machine, zones(in)[0])
		}
		return nil
	}
	topology := in.text("placementPolicy.tpuTopology")
	if chipsPerHost, _ := strconv.Atoi(tpu[1]); topology != "" && chips(topology) <= chipsPerHost {
		// Seen by users of single-host pools of other TPU versions.
		return errors.New("googleapi: Error 400: TPU topology can't be specified with single-host TPU slice pool; please remove the tpu_topology from the node pool creation request., badRequest")
	}
	if in["autoscaling"] != nil && (in.number("autoscaling.totalMaxNodeCount") > 0 || in.number("autoscaling.maxNodeCount") == 0) {
		// vllm-project/ci-infra pull request 545
		return fmt.Errorf("googleapi: Error 400: Maximum node count 0 is not a valid size of TPU pod slice with topology %q., badRequest", topology)
	}
	if most := in.number("autoscaling.maxNodeCount"); topology != "" && in["autoscaling"] != nil && in.number("autoscaling.minNodeCount") != 0 && in.number("autoscaling.minNodeCount") != most {
		// A multi-host slice has no nodes or all (keras-team/kinetic pull request 88). Open: the
		// text was not seen on a real GKE.
		return fmt.Errorf("googleapi: Error 400: Minimum node count %d is not a valid size of TPU pod slice with topology %q., badRequest", in.number("autoscaling.minNodeCount"), topology)
	}
	for _, zone := range zones(in) {
		if region := regionOf(in.text("location")); !strings.HasPrefix(zone, region+"-") {
			// A cluster, zonal or not, has its nodes in zones of its region. Open: the text was not seen on a real GKE.
			return fmt.Errorf("googleapi: Error 400: Location %q is not in region %q., badRequest", zone, region)
		}
	}
	if in.truth("nodeConfig.flexStart") {
		if in["autoscaling"] == nil {
			return errors.New("googleapi: Error 400: Flex start node pools require autoscaling enabled., badRequest")
		}
		if in.number("initialNodeCount") > 0 || in.number("nodeCount") > 0 {
			return errors.New("googleapi: Error 400: Flex start node pools require initial node count to be set to 0., badRequest")
		}
		if in.truth("nodeConfig.spot") || in.truth("management.autoRepair") {
			return errors.New("googleapi: Error 400: Flex start node pools do not support spot or auto repair., badRequest")
		}
		// xpk, cluster-toolkit (a precondition) and the provider's own test all say it. For
		// queued provisioning GKE answers so (terraform-provider-google issue 18341); for
		// flex-start the words are open: not seen on a real GKE.
		if in.text("nodeConfig.reservationAffinity.consumeReservationType") != "NO_RESERVATION" && !c.Lenient {
			return errors.New("googleapi: Error 400: Flex start requires reservation affinity to be set to none., badRequest")
		}
	}
	if disk := in.text("nodeConfig.diskType"); !strings.HasPrefix(disk, "hyperdisk-balanced") {
		// Open: the text was not seen on a real GKE; that tpu7x boots from Hyperdisk Balanced
		// alone is https://cloud.google.com/kubernetes-engine/docs/concepts/tpus.
		return fmt.Errorf("googleapi: Error 400: Disk type %s is not supported with machine type %s., badRequest", disk, machine)
	}
	return nil
}

// regionOf is the region of a location, which is one or a zone.
func regionOf(location string) string {
	if parts := strings.Split(location, "-"); len(parts) > 2 {
		return strings.Join(parts[:2], "-")
	}
	return location
}

// checkPlacement refuses what GKE finds out only while it makes the instances; the
// pool then stays, in ERROR, and the texts are its status message
// (vllm-project/ci-infra pull request 547).
func checkPlacement(c *Cloud, in Values) error {
	machine := in.text("nodeConfig.machineType")
	tpu := tpuMachine.FindStringSubmatch(machine)
	if tpu == nil {
		return nil
	}
	topology, policy := in.text("placementPolicy.tpuTopology"), in.text("placementPolicy.policyName")
	if topology == "" && policy == "" {
		return nil // a single host
	}
	chipsPerHost, _ := strconv.Atoi(tpu[1])
	hosts := chips(topology) / chipsPerHost
	if hosts <= 1 {
		return errors.New("a placement policy is for slices of more than one host") // open: not seen on a real GKE
	}
	if in.text("placementPolicy.type") == "COMPACT" || policy == "" {
		return fmt.Errorf("Creation of a managed instance group with %s machine type with placement policy is not supported. Use workload policy instead.", machine)
	}
	c.mu.Lock()
	p := c.find(policyKind, policy)
	c.mu.Unlock()
	if p == nil || p.Inputs.text("workloadPolicy.type") != "HIGH_THROUGHPUT" || p.Inputs.text("workloadPolicy.acceleratorTopology") == "" || p.Inputs["groupPlacementPolicy"] != nil {
		// Reported from tpu7x node pools.
		return errors.New("does not support TPU topology with group placement policy and workload policy at the same time")
	}
	if p.Inputs.text("workloadPolicy.acceleratorTopology") != topology {
		// Open: the text was not seen on a real GKE.
		return fmt.Errorf("workload policy %s has accelerator topology %s, the pool asks for %s",
			policy, p.Inputs.text("workloadPolicy.acceleratorTopology"), topology)
	}
	count := in.number("nodeCount")
	if in["autoscaling"] != nil {
		count = in.number("autoscaling.maxNodeCount")
	}
	if count*len(zones(in)) != hosts {
		// Open: seen with 0 nodes alone, in the words of checkNodePool.
		return fmt.Errorf("Node count %d is not a valid size of TPU pod slice with topology %q; it needs %d.", count*len(zones(in)), topology, hosts)
	}
	return nil
}

// chips of a topology such as 2x2x2; 0 if it is none.
func chips(topology string) int {
	n := 1
	for _, part := range strings.Split(topology, "x") {
		d, err := strconv.Atoi(part)
		if err != nil {
			return 0
		}
		n *= d
	}
	return n
}
