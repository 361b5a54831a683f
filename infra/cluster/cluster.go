// Package cluster creates the GKE cluster, the service account of its nodes, and the CPU
// node pool on which everything except the model server runs.
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
	// NetworkDependencies are further resources for which the cluster waits, such as its nodes'
	// access to the internet. The nodes' account does not wait for them.
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

	// NodeServiceAccount is the email of an existing account; empty: create one.
	NodeServiceAccount string

	// Protect is GKE's deletion protection. The caller sets Pulumi's protect from the
	// same value: one without the other leaves a half-destroyed stack.
	Protect bool
}

// Cluster is a private GKE Standard cluster. Clients reach its control plane by the DNS
// endpoint, whose certificate is publicly trusted and where IAM decides who may connect. So
// the first pulumi up works from everywhere, and no address has to be opened.
//
// The component contains the Kubernetes provider, because that may be used only when nodes
// can run controllers: it depends on the system pool, and never on TPU slices. On destroy,
// even namespaces are deleted before that pool: their deletion waits until all aggregated
// APIs answer (kubernetes/kubernetes issue 75788), and one of these, GKE's metrics-server,
// runs on the pool.
type Cluster struct {
	component.Base

	ID                 pulumi.StringOutput
	Name               pulumi.StringOutput
	Kubeconfig         pulumi.StringOutput
	NodeServiceAccount pulumi.StringOutput // email
	// WorkloadPool is the pool of Workload Identity, PROJECT.svc.id.goog. It exists only
	// once the project has a cluster; before, IAM answers "Identity Pool does not exist". So
	// resources that use this output wait for the cluster.
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
		// Both describe the default pool, which is deleted before the create returns.
		pulumi.IgnoreChanges([]string{"nodeConfig", "initialNodeCount"}),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "60m", Update: "60m", Delete: "60m"}))
	if err != nil {
		return nil, err
	}
	pool, err := container.NewNodePool(ctx, name+"-system", systemPoolArgs(args, cluster, nodes), inside,
		pulumi.IgnoreChanges([]string{"initialNodeCount", "nodeConfig.kubeletConfig"}),
		// Its name is in use until the old one is deleted.
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
	c.Kubeconfig = pulumi.All(cluster.Name, endpoint).ApplyT(func(known []any) string {
		return Kubeconfig(known[0].(string), known[1].(string))
	}).(pulumi.StringOutput)
	return c, c.finish(ctx, name, inside, pulumi.DependsOn([]pulumi.Resource{pool}))
}

// finish creates the provider for objects in the cluster, and ends the registration.
func (c *Cluster) finish(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (err error) {
	// ClusterIdentifier determines the effect of a changed provider: if only the kubeconfig
	// changes, nothing is replaced; if the cluster was replaced, everything is.
	c.Provider, err = kubernetes.NewProvider(ctx, name, &kubernetes.ProviderArgs{
		Kubeconfig:        c.Kubeconfig,
		ClusterIdentifier: c.ID,
		// Otherwise a new token would replace the Secret, which is impossible if the Secret is
		// protected.
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
