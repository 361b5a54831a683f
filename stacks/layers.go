package stacks

import (
	"encoding/json"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cache"
	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/registry"
	"sglang-tpu/spec/existing"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/problem"
)

// platformOutput is the name of the output that endpoints read.
const platformOutput = "platform"

// platformOutputs is what an endpoint needs from the stack of a platform.
type platformOutputs struct {
	existing.Platform // encoding/json finds its fields without tags

	Cluster            string `json:"cluster"`
	ClusterID          string `json:"clusterId"`
	Location           string `json:"location"` // of the control plane
	Kubeconfig         string `json:"kubeconfig"`
	WorkloadPool       string `json:"workloadPool"`
	NodeServiceAccount string `json:"nodeServiceAccount"`
	NodeTag            string `json:"nodeTag"`
	Bucket             string `json:"bucket"`
	BucketExists       bool   `json:"bucketExists"` // the bucket exists, and its owner grants the roles
	Mirror             string `json:"mirror"`       // path of the repository in front of Docker Hub

	// Of the repository to which images are pushed, and of the one for shared layers.
	Repository        string `json:"repository"` // path
	RepositoryID      string `json:"repositoryId"`
	RepositoryProject string `json:"repositoryProject"`
	RepositoryPlace   string `json:"repositoryLocation"`
	Layers            string `json:"layers"`
	LayersID          string `json:"layersId"`
	// BuilderMayPush means that the repository exists, and that its owner grants builders
	// their roles.
	BuilderMayPush bool `json:"builderMayPush"`
}

// exportPlatform registers what only a platform without an endpoint has, and exports what
// endpoints need.
func (s *stack) exportPlatform(p *platform, found *ground) error {
	if _, err := p.controller(s, p.inCluster(s)); err != nil {
		return err
	}
	images, err := s.repositories(p)
	if err != nil {
		return err
	}
	mirror, err := registry.NewMirror(s.ctx, "mirror", s.repository(p, s.cloud.Mirror), s.common)
	if err != nil {
		return err
	}
	bucket := pulumi.String(s.Cache.Bucket).ToStringOutput()
	if s.Cache.Bucket == "" {
		created, err := cache.New(s.ctx, "cache", s.bucketArgs(p, nil), s.common)
		if err != nil {
			return err
		}
		bucket = created.Bucket
	}
	features := existing.Cluster{SecretManager: true, Prometheus: true} // of a cluster that this program creates
	if found.cluster != nil {
		features = *found.cluster
	}
	mirrored := mirror.URN().ApplyT(func(pulumi.URN) string { return registry.Path(s.Region, s.Project, s.cloud.Mirror) }).(pulumi.StringOutput)
	s.ctx.Export(platformOutput, pulumi.Map{
		"project": pulumi.String(s.Project), "region": pulumi.String(s.Region),
		"cluster": pulumi.String(p.name), "clusterId": p.gke.ID, "location": pulumi.String(p.location),
		"kubeconfig": p.gke.Kubeconfig, "workloadPool": p.gke.WorkloadPool,
		"nodeServiceAccount": p.gke.NodeServiceAccount, "nodeTag": pulumi.String(p.nodeTag),
		"secretManager": pulumi.Bool(features.SecretManager), "prometheus": pulumi.Bool(features.Prometheus),
		"bucket": bucket, "bucketExists": pulumi.Bool(s.Cache.Bucket != ""),
		"mirror":     mirrored,
		"repository": pulumi.String(images.path), "repositoryId": images.id, "repositoryProject": pulumi.String(images.project),
		"repositoryLocation": pulumi.String(images.location),
		"layers":             pulumi.String(images.layers), "layersId": images.layersID,
		"builderMayPush": pulumi.Bool(!images.grant),
	})
	for name, value := range s.clusterOutputs(p) {
		s.ctx.Export(name, value)
	}
	return nil
}

// platformOf returns the platform of another stack.
func (s *stack) platformOf(o *platformOutputs) (*platform, error) {
	used, err := cluster.NewExisting(s.ctx, "cluster", &cluster.ExistingArgs{
		ID: o.ClusterID, Name: o.Cluster, Kubeconfig: o.Kubeconfig, WorkloadPool: o.WorkloadPool,
		NodeServiceAccount: o.NodeServiceAccount, Project: s.Project, Base: s.cloud.Base,
	}, s.common)
	if err != nil {
		return nil, err
	}
	return &platform{gke: used, name: o.Cluster, location: o.Location, nodeTag: o.NodeTag, installed: true, outputs: o}, nil
}

// readStackOutputs is the function of Pulumi's engine that reads the outputs of another stack
// (pulumi/pulumi, pkg/resource/deploy/builtins.go).
const readStackOutputs = "pulumi:pulumi:readStackOutputs"

// stackName are the arguments of readStackOutputs.
type stackName struct {
	Name string `pulumi:"name"`
}

// causeOf returns the error of an engine's function without the call around it.
func causeOf(err error) string {
	if _, cause, found := strings.Cut(err.Error(), "returned an error: "); found {
		return cause
	}
	return err.Error()
}

// readPlatform reads and checks the outputs of the platform's stack.
func (s *stack) readPlatform() (*platformOutputs, problem.List) {
	if s.Layer != gke.Endpoint {
		return nil, nil
	}
	refuse := func(why string) (*platformOutputs, problem.List) {
		return nil, problem.List{{
			Key: existing.PlatformKey, Value: s.Platform, Why: why,
			Remedy: "run pulumi up of a stack with layer platform first, and name it in full: pulumi stack ls --all shows the names",
		}}
	}
	// The engine's function fails before anything is registered, with an error that this program
	// gets. A StackReference that fails is an error of the engine, which names no setting.
	if _, err := s.ctx.InvokePackageRaw(readStackOutputs, &stackName{s.Platform}, &map[string]any{}, ""); err != nil {
		return refuse("cannot be read (" + causeOf(err) + ")")
	}
	ref, err := pulumi.NewStackReference(s.ctx, "platform", &pulumi.StackReferenceArgs{Name: pulumi.String(s.Platform)})
	if err != nil {
		return refuse("cannot be read (" + err.Error() + ")")
	}
	details, err := ref.GetOutputDetails(platformOutput)
	if err != nil {
		return refuse("cannot be read (" + err.Error() + ")")
	}
	value := details.Value
	if value == nil {
		value = details.SecretValue
	}
	var o platformOutputs
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil || o.Kubeconfig == "" {
		return refuse("is not the stack of a platform: it has no output named " + platformOutput)
	}
	return &o, existing.PlatformNeeds{
		Stack: s.Platform, Project: s.Project, Region: s.Region,
		Secrets: s.HFTokenSecret != "", Monitoring: s.Monitoring.Enabled,
	}.Check(o.Platform)
}
