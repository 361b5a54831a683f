// Package cluster makes the GKE cluster, the identity of its nodes and the CPU node
// pool on which everything but the model server runs.
package cluster

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/spec/gke"
)

// Args describes the cluster.
type Args struct {
	Name     string
	Project  string
	Location string // region of the control plane
	Zone     string // of the system pool's nodes

	NetworkID    pulumi.StringInput
	SubnetworkID pulumi.StringInput
	// NetworkDependencies are what the cluster waits for beside them, such as its nodes' way to
	// the internet. The nodes' account does not.
	NetworkDependencies []pulumi.Resource
	PodsRange           string // name of the subnet's secondary range
	ServicesRange       string
	Network             gke.Network // of the control plane, and who may reach it

	ControlPlane gke.ControlPlane
	Maintenance  gke.Maintenance
	SystemPool   gke.SystemPool
	// SecretManager lets pods mount secrets of Secret Manager as files.
	SecretManager bool
	NodeTag       string
	Labels        map[string]string

	// NodeServiceAccount is the email of an account that exists; empty: one is made.
	NodeServiceAccount string

	// Protect is GKE's deletion protection. The caller sets Pulumi's protect from the
	// same value: one without the other leaves a half-destroyed stack.
	Protect bool
}

// Cluster is a private GKE Standard cluster whose control plane is reached by its DNS
// endpoint: its certificate is publicly trusted and IAM decides who may connect, so
// the first pulumi up works from any desk and no address is opened.
//
// The Kubernetes provider is here because it may be used only when nodes can run
// controllers: it depends on the system pool, and never on TPU slices. On destroy even
// namespaces go before that pool: their deletion waits for all aggregated APIs to answer
// (kubernetes/kubernetes issue 75788), of which GKE's metrics-server, on those nodes, is one.
type Cluster struct {
	component.Base

	ID                 pulumi.StringOutput
	Name               pulumi.StringOutput
	Kubeconfig         pulumi.StringOutput
	NodeServiceAccount pulumi.StringOutput // email
	// WorkloadPool is the pool of Workload Identity, PROJECT.svc.id.goog. A project has it
	// from its first cluster on, so whoever names it waits for this one.
	WorkloadPool pulumi.StringOutput

	Provider *kubernetes.Provider
}

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{}
	if err := c.Register(ctx, "sglang-tpu:infra:Cluster", name, opts...); err != nil {
		return nil, err
	}
	inside := pulumi.Parent(c)

	nodes, roles, err := newNodeAccount(ctx, name, args.Project, args.Name, args.NodeServiceAccount, inside)
	if err != nil {
		return nil, err
	}
	cluster, err := container.NewCluster(ctx, name, clusterArgs(args, nodes), inside,
		pulumi.DependsOn(append(roles, args.NetworkDependencies...)),
		// Both describe the default pool, which is gone when create returns.
		pulumi.IgnoreChanges([]string{"nodeConfig", "initialNodeCount"}),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "60m", Update: "60m", Delete: "60m"}))
	if err != nil {
		return nil, err
	}
	pool, err := container.NewNodePool(ctx, name+"-system", systemPoolArgs(args, cluster, nodes), inside,
		pulumi.IgnoreChanges([]string{"initialNodeCount", "nodeConfig.kubeletConfig"}),
		// Its name is taken until it is gone.
		pulumi.DeleteBeforeReplace(true),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "45m", Update: "45m", Delete: "45m"}))
	if err != nil {
		return nil, err
	}

	c.ID = cluster.ID().ToStringOutput()
	c.Name = cluster.Name
	c.NodeServiceAccount = nodes
	c.WorkloadPool = cluster.WorkloadIdentityConfig.WorkloadPool().Elem()
	endpoint := cluster.ControlPlaneEndpointsConfig.DnsEndpointConfig().Endpoint().Elem()
	c.Kubeconfig = pulumi.All(cluster.Name, endpoint).ApplyT(func(known []any) (string, error) {
		return Kubeconfig(known[0].(string), known[1].(string))
	}).(pulumi.StringOutput)
	return c, c.finish(ctx, name, inside, pulumi.DependsOn([]pulumi.Resource{pool}))
}

// finish makes the provider of what runs in the cluster, and ends the registration.
func (c *Cluster) finish(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (err error) {
	// ClusterIdentifier decides what a changed provider means: nothing is replaced when
	// only the kubeconfig changed, everything is when the cluster was replaced.
	c.Provider, err = kubernetes.NewProvider(ctx, name, &kubernetes.ProviderArgs{
		Kubeconfig:        c.Kubeconfig,
		ClusterIdentifier: c.ID,
		// Otherwise another token replaces the Secret, and where it is protected cannot be set.
		EnableSecretMutable: pulumi.Bool(true),
	}, opts...)
	if err != nil {
		return err
	}
	return c.RegisterOutputs(ctx, pulumi.Map{
		"id": c.ID, "name": c.Name, "kubeconfig": c.Kubeconfig, "nodeServiceAccount": c.NodeServiceAccount,
		"workloadPool": c.WorkloadPool,
	})
}
