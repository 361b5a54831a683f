package tpu

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/capacity"
)

// reservationKey is the label by which Compute Engine identifies a reservation.
const reservationKey = "compute.googleapis.com/reservation-name"

// applyCapacity sets the fields that the mode requires and omits the others, because GKE
// rejects most combinations.
func applyCapacity(c capacity.Capacity, node *container.NodePoolNodeConfigArgs) {
	switch c.Mode {
	case capacity.Spot:
		node.Spot = pulumi.Bool(true)
	case capacity.Reservation:
		node.ReservationAffinity = container.NodePoolNodeConfigReservationAffinityArgs{
			ConsumeReservationType: pulumi.String("SPECIFIC_RESERVATION"),
			Key:                    pulumi.String(reservationKey),
			Values:                 pulumi.StringArray{pulumi.String(c.Reservation)},
		}
	case capacity.FlexStart:
		node.FlexStart = pulumi.Bool(true)
		// Set explicitly, like in the provider's own test, xpk and cluster-toolkit (as a
		// precondition). For queued provisioning, GKE answers "Queued_provisioning requires
		// reservation affinity to be set to none" (terraform-provider-google issue 18341).
		node.ReservationAffinity = container.NodePoolNodeConfigReservationAffinityArgs{
			ConsumeReservationType: pulumi.String("NO_RESERVATION"),
		}
		if c.MaxRunDuration != "" {
			node.MaxRunDuration = pulumi.String(c.MaxRunSeconds())
		}
	}
}

// setSize makes the pool one slice: either at once, or scaled up from zero nodes when a pod
// requests it. A pool of a multi-host slice has either all of its nodes or none
// (documentation, About cluster autoscaling: multi-host TPU slice node pools).
func setSize(args *Args, pool *container.NodePoolArgs) {
	hosts := args.Topology.Hosts()
	// "Flex start node pools require autoscaling enabled."
	if args.ComputeClass == "" && args.Capacity.Mode != capacity.FlexStart {
		pool.NodeCount = pulumi.Int(hosts)
		return
	}
	// "... require initial node count to be set to 0." The limits are per zone: with the Total*
	// ones GKE says "Maximum node count 0 is not a valid size of TPU pod slice".
	pool.InitialNodeCount = pulumi.Int(0)
	pool.Autoscaling = container.NodePoolAutoscalingArgs{
		MinNodeCount:   pulumi.Int(0),
		MaxNodeCount:   pulumi.Int(hosts),
		LocationPolicy: pulumi.String("ANY"),
	}
}
