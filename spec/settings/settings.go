package settings

import (
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/model"
	"sglang-tpu/spec/monitoring"
	"sglang-tpu/spec/serverimage"
	"sglang-tpu/spec/storage"
	"sglang-tpu/spec/topology"
)

// Namespace of this program's keys. A project with another name may also have them in its
// own namespace.
const Namespace = "sglang-tpu"

// Settings are all keys of an environment, as they are written in Pulumi.<env>.yaml. The
// program reads the configuration into these types. The JSON Schema, the config section of
// Pulumi.yaml and the tables in the documentation are generated from them:
//
//   - the comment of a field is its description;
//   - json is the key, in this program's namespace unless it names another, or the name
//     inside an object;
//   - jsonschema has the default, the choices (enum), the range (minimum, maximum) and an
//     example, which tests use; "-" hides a setting of earlier versions;
//   - noun and unit name the choices and the numbers of a range in messages;
//   - optional marks a text that may be empty;
//   - layer is the layer of the setting: platform, endpoint, or all for both. The fields of an
//     object of both may have their own.
type Settings struct {
	// The Google Cloud project to deploy into.
	Project string `json:"gcp:project" layer:"all"`
	// The zone with tpu7x capacity, such as us-central1-c.
	Zone string `json:"gcp:zone" layer:"all"`
	// The region of the zone. It may be left out; a region other than the zone's is refused.
	Region string `json:"gcp:region" layer:"all" optional:"true"`

	// Hugging Face id of the model to serve; one of the catalogue in spec/model, or any other with customModel.
	ModelID string `json:"model" layer:"endpoint" jsonschema:"default=Qwen/Qwen2.5-Coder-32B-Instruct"`
	// Revision of the model's repository on Hugging Face: a commit, tag or branch. A branch is resolved when the
	// weights are downloaded.
	Revision string `json:"modelRevision" layer:"endpoint" jsonschema:"default=main"`
	// The numbers of a model outside the catalogue, from its config.json and safetensors index: heads, weightsGiB and
	// context at least.
	CustomModel model.Model `json:"customModel" layer:"endpoint"`
	// Topology of one TPU slice, in chips. 2x2x2 is 8 chips on 2 hosts, which JAX sees as 16 devices.
	Topology topology.Topology `json:"topology" layer:"endpoint" jsonschema:"default=2x2x2"`
	// How many groups serve the model. Each has a slice of its own; 0 keeps the cluster and gives the chips back.
	Replicas int `json:"replicas" layer:"endpoint" unit:"groups" jsonschema:"default=1,minimum=0,maximum=100,example=2"`
	// Where the chips come from.
	Capacity capacity.Capacity `json:"capacity" layer:"endpoint"`
	// Where the chips come from if capacity has none, in this order: for each group, GKE takes the first option that has
	// chips. A running slice stays even when an earlier option has chips again; docs/capacity.md.
	CapacityFallbacks []capacity.Capacity `json:"capacityFallbacks" layer:"endpoint"`
	// Arguments of sgl_jax.launch_server, with a flag and its value as two entries. They override this program's own
	// arguments; those that follow from model and topology are refused. docs/server-arguments.md says what is checked.
	ServerArguments []string `json:"serverArguments" layer:"endpoint"`
	// Environment variables of the server, NAME: value, such as SGLANG_HEALTH_CHECK_TIMEOUT. Do not put
	// secrets here. Variables that the pods set themselves are refused.
	ServerEnvironment map[string]string `json:"serverEnvironment" layer:"endpoint"`
	// Whether the server may run Python code from the model's repository.
	TrustRemoteCode bool `json:"trustRemoteCode" layer:"endpoint" jsonschema:"default=true"`
	// Hugging Face token, needed for gated models; empty for none.
	HFToken Secret `json:"hfToken" layer:"endpoint"`
	// Version of a secret in Secret Manager that holds the Hugging Face token, instead of hfToken, for teams that want
	// no secret in Pulumi's state: projects/PROJECT/secrets/NAME/versions/VERSION. The name is not a secret; if the CLI
	// takes it for one, use pulumi config set --plaintext.
	HFTokenSecret string `json:"hfTokenSecret" layer:"endpoint" optional:"true"`
	// Key that clients of the model server must send; empty for none.
	APIKey Secret `json:"apiKey" layer:"endpoint"`
	// The image of the model server.
	Image serverimage.Image `json:"image" layer:"all"`
	// Where weights and compiled code are kept.
	Cache storage.Cache `json:"cache" layer:"all"`
	// Version policy of the GKE control plane.
	GKE gke.ControlPlane `json:"gke" layer:"platform"`
	// When GKE may upgrade by itself, in UTC.
	Maintenance gke.Maintenance `json:"maintenance" layer:"platform"`
	// Metrics, dashboard and alerts of the endpoint; docs/monitoring.md.
	Monitoring monitoring.Settings `json:"monitoring" layer:"endpoint"`
	// The CPU node pool for controllers and the image build.
	SystemPool gke.SystemPool `json:"systemPool" layer:"platform"`
	// Address ranges, in CIDR notation.
	Network gke.Network `json:"network" layer:"platform"`
	// The cluster, if it already exists; docs/existing.md.
	Cluster gke.Cluster `json:"cluster" layer:"platform"`
	// Existing Google service accounts; docs/existing.md.
	ServiceAccounts gke.ServiceAccounts `json:"serviceAccounts" layer:"all"`
	// Whether to grant the roles that the endpoint needs on an existing bucket, repository or account; destroy
	// revokes them. With false, their policies are not changed; docs/existing.md names the roles to grant.
	GrantOnExisting bool `json:"grantOnExisting" layer:"all" jsonschema:"default=false"`
	// Existing resources to adopt into the stack as they are, NAME: ID, where NAME is cluster,
	// cluster-system, slice-0, slice-1 ...; docs/existing.md.
	Adopt map[string]string `json:"adopt" layer:"all"`
	// What the stack contains: all (a platform and an endpoint), platform, or endpoint (on the platform of another
	// stack).
	Layer string `json:"layer" layer:"all" noun:"a layer" jsonschema:"default=all,enum=all,enum=platform,enum=endpoint"`
	// Stack that has the platform, ORGANIZATION/PROJECT/STACK. Only with layer endpoint.
	Platform string `json:"platform" layer:"all" optional:"true"`
	// Kubernetes namespace of the endpoint. Empty means sglang in a cluster that only this stack uses, and
	// sglang-STACK in a shared cluster.
	Namespace string `json:"namespace" layer:"endpoint" optional:"true"`
	// Labels on every Google Cloud resource that can carry them.
	Labels map[string]string `json:"labels" layer:"all"`
	// Name of the LeaderWorkerSet, and the beginning of its pods' names. A new name replaces the LeaderWorkerSet.
	LeaderWorkerSet string `json:"leaderWorkerSet" layer:"endpoint" jsonschema:"default=sglang-tpu-cluster,example=coder"`
	// Where the LeaderWorkerSet chart comes from, an oci:// address or a folder.
	LWSChart string `json:"lwsChart" layer:"all" jsonschema:"default=oci://registry.k8s.io/lws/charts/lws"`
	// Minutes that pulumi up waits for the model server, which loads weights and compiles first. 0 means 60, or 1440
	// with flex-start, which waits in Google's queue.
	ReadyMinutes int `json:"readyMinutes" layer:"endpoint" unit:"minutes" jsonschema:"default=0,minimum=0,maximum=10080,example=90"`
	// Protects the stack from deletion, in Pulumi and in GKE.
	Protect bool `json:"protect" layer:"all" jsonschema:"default=false"`
}

// Secret is the full key under which a secret is set in Pulumi's configuration, such as
// sglang-tpu:hfToken; empty if it is not set. The value stays in the configuration.
type Secret string
