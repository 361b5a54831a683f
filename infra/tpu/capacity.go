package tpu

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/capacity"
)

// reservationKey is the label by which Compute Engine knows a reservation.
const reservationKey = "compute.googleapis.com/reservation-name"

// applyCapacity sets the fields that the mode asks for and leaves the others out, because GKE
// refuses most combinations.
func applyCapacity(c capacity.Capacity, pool *container.NodePoolArgs, node *container.NodePoolNodeConfigArgs, hosts int) {
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
		// Set, not left out: the provider's own test, xpk and cluster-toolkit (as a
		// precondition) all say it, and for queued provisioning GKE answers
		// "Queued_provisioning requires reservation affinity to be set to none"
		// (terraform-provider-google issue 18341).
		node.ReservationAffinity = container.NodePoolNodeConfigReservationAffinityArgs{
			ConsumeReservationType: pulumi.String("NO_RESERVATION"),
		}
		if c.MaxRunDuration != "" {
			node.MaxRunDuration = pulumi.String(c.MaxRunSeconds())
		}
		// "Flex start node pools require autoscaling enabled." and "... require initial
		// node count to be set to 0." The limits are per zone: with the Total* ones GKE
		// says "Maximum node count 0 is not a valid size of TPU pod slice".
		pool.InitialNodeCount = pulumi.Int(0)
		pool.Autoscaling = container.NodePoolAutoscalingArgs{
			MinNodeCount:   pulumi.Int(0),
			MaxNodeCount:   pulumi.Int(hosts),
			LocationPolicy: pulumi.String("ANY"),
		}
		return
	}
	pool.NodeCount = pulumi.Int(hosts)
}
