// Package lws installs the LeaderWorkerSet controller, which runs one group of pods per
// TPU slice: a leader and its workers, started and restarted together.
package lws

import (
	"slices"
	"strings"

	helmv4 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v4"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/infra/netpolicy"
)

const (
	// Version of the controller and of the definitions in this package. 0.7 does not set
	// TPU_PROCESS_ADDRESSES, which tpu7x needs. Before 0.9, Available also counts workers
	// that are not ready.
	Version = "0.9.0"
	// WebhookPort on the nodes, which the control plane must be able to reach.
	WebhookPort = 9443
	// Namespace and release are fixed, because the controller's certificates and the
	// chart's names depend on them.
	Namespace = "lws-system"
	release   = "lws"
)

// Args says where the chart comes from.
type Args struct {
	// Chart is an oci:// address, from which the chart is pulled in Version, or a folder.
	Chart string
	// ControlPlaneCIDR is the range from which GKE calls webhooks, unless it uses agents in
	// the cluster.
	ControlPlaneCIDR string
}

// Controller is the LeaderWorkerSet controller with its custom resource definitions.
//
// A LeaderWorkerSet must depend on it. Then, on up, the webhooks answer before the first
// LeaderWorkerSet is created; otherwise the API server would answer `failed calling webhook
// "mleaderworkerset.kb.io": ... connection refused`, without a retry. On destroy, the
// controller is deleted after its objects: leaders' pods are deleted in the foreground,
// which includes an update that the webhooks have to admit (kubernetes-sigs/lws issue 346).
//
// A namespace with such pods need not wait for the controller. Pods of a LeaderWorkerSet
// that is not in the state may outlive the controller. But the chart's webhook
// configurations are deleted with it, so nothing can block the deletion of these pods any
// longer.
type Controller struct{ component.Base }

// New registers the namespace, the definitions and the chart, in this order.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Controller, error) {
	c := &Controller{}
	if err := c.Register(ctx, "sglang-tpu:infra:LeaderWorkerSetController", name, opts...); err != nil {
		return nil, err
	}
	inside := pulumi.Parent(c)

	space, policies, err := netpolicy.New(ctx, name, &metav1.ObjectMetaArgs{
		Name:   pulumi.String(Namespace),
		Labels: pulumi.StringMap{"pod-security.kubernetes.io/enforce": pulumi.String("restricted")},
	}, []netpolicy.Policy{{
		Name: "controller-manager", Pods: map[string]string{"control-plane": "controller-manager"}, // the chart's label
		Ingress: netpolicy.Ingress{netpolicy.ControlPlane(args.ControlPlaneCIDR, WebhookPort)},
		Egress:  netpolicy.Egress{netpolicy.APIServer},
	}}, inside)
	if err != nil {
		return nil, err
	}
	crds, err := newDefinitions(ctx, name, inside)
	if err != nil {
		return nil, err
	}
	before := slices.Concat([]pulumi.Resource{space}, policies, crds)
	chart, err := helmv4.NewChart(ctx, name, chartArgs(args.Chart), inside,
		pulumi.DependsOn(before), pulumi.Transforms([]pulumi.ResourceTransform{gate}))
	if err != nil {
		return nil, err
	}
	c.Dependencies = append(before, chart)
	return c, c.RegisterOutputs(ctx, pulumi.Map{"namespace": pulumi.String(Namespace), "version": pulumi.String(Version)})
}

func chartArgs(chart string) *helmv4.ChartArgs {
	args := &helmv4.ChartArgs{
		Chart:     pulumi.String(chart),
		Name:      pulumi.String(release),
		Namespace: pulumi.String(Namespace),
		SkipCrds:  pulumi.Bool(true), // the definitions are registered before
		Values: pulumi.Map{
			"enableCertManager": pulumi.Bool(false), // the controller issues its own certificates
			"podSecurityContext": pulumi.Map{
				"runAsNonRoot":   pulumi.Bool(true),
				"seccompProfile": pulumi.Map{"type": pulumi.String("RuntimeDefault")},
			},
			"resources": pulumi.Map{
				"requests": pulumi.Map{"cpu": pulumi.String("1"), "memory": pulumi.String("1Gi"), "ephemeral-storage": pulumi.String("64Mi")},
				"limits":   pulumi.Map{"cpu": pulumi.String("2"), "memory": pulumi.String("1Gi"), "ephemeral-storage": pulumi.String("1Gi")},
			},
			"image": pulumi.Map{"manager": pulumi.Map{
				"tag":        pulumi.String("v" + Version), // the chart in the sources has the tag main
				"pullPolicy": pulumi.String("IfNotPresent"),
			}},
		},
	}
	if strings.HasPrefix(chart, "oci://") {
		args.Version = pulumi.String(Version)
	}
	return args
}
