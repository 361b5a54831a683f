package cloud

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sglang-tpu/emulator/internal/tpu"
)

// checkNodePool implements the validation of GKE's API, before any node is created. Each rule
// names its source; the texts of the flex-start rules are reported from tpu7x node pools.
func checkNodePool(c *Cloud, in Values) error {
	machine := in.text("nodeConfig.machineType")
	match := tpuMachine.FindStringSubmatch(machine)
	if match == nil {
		if !cpuMachine.MatchString(machine) {
			// Open: the text was not seen on a real GKE.
			return badRequest("Machine type %q does not exist in zone %q.", machine, zones(in)[0])
		}
		return nil
	}
	topology := in.text("placementPolicy.tpuTopology")
	if chipsPerHost, _ := strconv.Atoi(match[1]); topology != "" && tpu.Chips(topology) <= chipsPerHost {
		// Seen by users of single-host pools of other TPU versions.
		return badRequest("TPU topology can't be specified with single-host TPU slice pool; please remove the tpu_topology from the node pool creation request.")
	}
	if in["autoscaling"] != nil && (in.number("autoscaling.totalMaxNodeCount") > 0 || in.number("autoscaling.maxNodeCount") == 0) {
		// vllm-project/ci-infra pull request 545
		return badRequest("Maximum node count 0 is not a valid size of TPU pod slice with topology %q.", topology)
	}
	if most := in.number("autoscaling.maxNodeCount"); topology != "" && in["autoscaling"] != nil && in.number("autoscaling.minNodeCount") != 0 && in.number("autoscaling.minNodeCount") != most {
		// A multi-host slice has either no nodes or all of them (keras-team/kinetic pull request
		// 88). Open: the text was not seen on a real GKE.
		return badRequest("Minimum node count %d is not a valid size of TPU pod slice with topology %q.", in.number("autoscaling.minNodeCount"), topology)
	}
	for _, zone := range zones(in) {
		if region := regionOf(in.text("location")); !strings.HasPrefix(zone, region+"-") {
			// Nodes of zonal and regional clusters are in zones of the cluster's region. Open: the
			// text was not seen on a real GKE.
			return badRequest("Location %q is not in region %q.", zone, region)
		}
	}
	if in.truth("nodeConfig.flexStart") {
		if in["autoscaling"] == nil {
			return badRequest("Flex start node pools require autoscaling enabled.")
		}
		if in.number("initialNodeCount") > 0 || in.number("nodeCount") > 0 {
			return badRequest("Flex start node pools require initial node count to be set to 0.")
		}
		if in.truth("nodeConfig.spot") || in.truth("management.autoRepair") {
			return badRequest("Flex start node pools do not support spot or auto repair.")
		}
		// xpk, cluster-toolkit (a precondition) and the provider's own test set it. The text is
		// GKE's for queued provisioning (terraform-provider-google issue 18341). Open: the text
		// for flex-start.
		if in.text("nodeConfig.reservationAffinity.consumeReservationType") != "NO_RESERVATION" && !c.Lenient {
			return badRequest("Flex start requires reservation affinity to be set to none.")
		}
	}
	if disk := in.text("nodeConfig.diskType"); !strings.HasPrefix(disk, "hyperdisk-balanced") {
		// tpu7x boots only from Hyperdisk Balanced:
		// https://cloud.google.com/kubernetes-engine/docs/concepts/tpus. Open: the text was not
		// seen on a real GKE.
		return badRequest("Disk type %s is not supported with machine type %s.", disk, machine)
	}
	return nil
}

// regionOf returns the region of a location, which is a zone or a region.
func regionOf(location string) string {
	if parts := strings.Split(location, "-"); len(parts) > 2 {
		return strings.Join(parts[:2], "-")
	}
	return location
}

// checkPlacement implements the errors that GKE finds only while it creates the instances. The
// pool then remains in state ERROR with the text as its status message
// (vllm-project/ci-infra pull request 547).
func checkPlacement(c *Cloud, in Values) error {
	machine := in.text("nodeConfig.machineType")
	match := tpuMachine.FindStringSubmatch(machine)
	if match == nil {
		return nil
	}
	topology, policy := in.text("placementPolicy.tpuTopology"), in.text("placementPolicy.policyName")
	if topology == "" && policy == "" {
		return nil // a single host
	}
	chipsPerHost, _ := strconv.Atoi(match[1])
	hosts := tpu.Chips(topology) / chipsPerHost
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
		// Open: the text is only seen for 0 nodes; see checkNodePool.
		return fmt.Errorf("Node count %d is not a valid size of TPU pod slice with topology %q; it needs %d.", count*len(zones(in)), topology, hosts)
	}
	return nil
}
