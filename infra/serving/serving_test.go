package serving

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/storage"
	"sglang-tpu/spec/topology"
)

const (
	setType     = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
	serviceType = "kubernetes:core/v1:Service"
	secretType  = "kubernetes:core/v1:Secret"
	classType   = "kubernetes:storage.k8s.io/v1:StorageClass"
	accountType = "kubernetes:core/v1:ServiceAccount"
	jobType     = "kubernetes:batch/v1:Job"
	spaceType   = "kubernetes:core/v1:Namespace"

	templates = "spec.leaderWorkerTemplate."
)

// other is something outside of the component.
type other struct{ pulumi.CustomResourceState }

// serve registers the component as the stack does, with a provider, a controller that
// everything waits for and a slice that only the pods wait for.
func serve(t *testing.T, change func(*Args)) *pulumitest.Graph {
	t.Helper()
	shape, err := topology.Parse("2x2x2")
	require.NoError(t, err)
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:kubernetes", "cluster", pulumi.Map{}, provider))
		controller, slice := &other{}, &other{}
		require.NoError(t, ctx.RegisterResource("t:t:Controller", "controller", pulumi.Map{}, controller))
		require.NoError(t, ctx.RegisterResource("t:t:Slice", "slice-0", pulumi.Map{}, slice))
		bucket, image := &other{}, &other{}
		require.NoError(t, ctx.RegisterResource("t:t:Bucket", "bucket", pulumi.Map{}, bucket))
		require.NoError(t, ctx.RegisterResource("t:t:Image", "image", pulumi.Map{}, image))
		args := &Args{
			Namespace: "sglang", Name: "sglang-tpu-cluster", Image: "registry.example/sglang-jax:abc",
			Arguments: arguments("org/model", "main"), Topology: shape, Replicas: 1,
			HFToken: pulumi.String("hf_token"), WeightsGiB: 61,
			Storage: Storage{Bucket: &Bucket{Name: "p-cache", Dependencies: []pulumi.Resource{bucket}}},
			Ready:   90 * time.Minute, PodDependencies: []pulumi.Resource{slice}, ImageDependencies: []pulumi.Resource{image},
		}
		if change != nil {
			change(args)
		}
		s, err := New(ctx, "serving", args, pulumi.Providers(provider), pulumi.Protect(true),
			pulumi.DependsOn([]pulumi.Resource{controller}))
		if err != nil {
			return err
		}
		assert.Equal(t, "sglang", pulumitest.Await[string](t, s.Namespace))
		return nil
	})
	assert.Equal(t, "sglang-leader-tpu", graph.Get(t, serviceType, "serving-service").Value("metadata.name"))
	return graph
}

// arguments are those of a model and revision, with a plan and more.
func arguments(model, revision string, more ...serverargs.Argument) serverargs.List {
	launch := serverargs.Launch{Model: model, Revision: revision, RemoteCode: true}
	return launch.Arguments().With("--tp-size", "16").With("--dp-size", "2").Merge(more)
}

// onDisks is the other kind of storage.
func onDisks(a *Args) {
	a.Storage = Storage{Disk: &storage.Disk{SizeGiB: 200, IOPS: 10000, ThroughputMiB: 1200}}
}

func TestEveryResourceHasTheComponentsParentProviderAndProtection(t *testing.T) {
	graph := serve(t, nil)
	component := graph.Get(t, "sglang-tpu:infra:Serving", "serving")
	assert.True(t, component.DependsOn("controller"))
	for typ, name := range map[string]string{
		setType: "serving", serviceType: "serving-service", secretType: "serving-hf-secret",
		jobType: "serving-download", accountType: "serving-account", spaceType: "serving-namespace", classType: "serving-storage-class",
	} {
		graph := graph
		if typ == classType {
			graph = serve(t, onDisks)
		}
		r := graph.Get(t, typ, name)
		assert.Equal(t, "serving", r.Parent(), name)
		assert.Equal(t, "cluster", r.Provider(), name)
		assert.Equal(t, typ != jobType, r.Protected(), "%s: a Job is replaced by every other model", name)
		assert.Empty(t, r.IgnoresChanges(), name)
		if typ != classType && typ != spaceType {
			assert.Equal(t, "sglang", r.Value("metadata.namespace"), name)
		}
		assert.Equal(t, "sglang-tpu", r.Value(`metadata.labels["app.kubernetes.io/part-of"]`), name)
	}
}

func TestOnlyThePodsWaitForSlices(t *testing.T) {
	graph := serve(t, nil)
	set := graph.Get(t, setType, "serving")
	for _, name := range []string{"slice-0", "image", "serving-namespace", "serving-hf-secret", "serving-account", "serving-download"} {
		assert.True(t, set.DependsOn(name), name)
	}
	for _, name := range []string{"serving-hf-secret", "serving-account", "serving-download"} {
		for _, r := range graph.All() {
			if r.Name == name {
				assert.False(t, r.DependsOn("slice-0"), name)
				assert.True(t, r.DependsOn("serving-namespace"), name)
			}
		}
	}
	assert.True(t, graph.Get(t, serviceType, "serving-service").DependsOn("serving"))
}

func TestTheSetIsOneGroupPerSlice(t *testing.T) {
	set := serve(t, func(a *Args) { a.Replicas = 3 }).Get(t, setType, "serving")
	for path, want := range map[string]any{
		"apiVersion":    "leaderworkerset.x-k8s.io/v1",
		"kind":          "LeaderWorkerSet",
		"metadata.name": "sglang-tpu-cluster",
		`metadata.annotations["leaderworkerset.sigs.k8s.io/exclusive-topology"]`: "cloud.google.com/gke-nodepool",
		"spec.replicas":             3.0,
		"spec.startupPolicy":        "LeaderCreated",
		templates + "size":          2.0,
		templates + "restartPolicy": "RecreateGroupOnPodRestart",
		"spec.rolloutStrategy.type": "RollingUpdate",
		"spec.rolloutStrategy.rollingUpdateConfiguration.maxSurge":       0.0,
		"spec.rolloutStrategy.rollingUpdateConfiguration.maxUnavailable": 1.0,
	} {
		assert.Equal(t, want, set.Value(path), path)
	}
}

func TestTheSetIsReplacedIfAnUpdateWouldHaveNoEffect(t *testing.T) {
	set := serve(t, nil).Get(t, setType, "serving")
	assert.Equal(t, 15*time.Minute, set.DeleteTimeout(t))
	assert.True(t, set.DeletesBeforeReplace())
	assert.Equal(t, []string{
		`metadata.annotations["leaderworkerset.sigs.k8s.io/exclusive-topology"]`,
		"spec.leaderWorkerTemplate.volumeClaimTemplates",
	}, set.ReplacesOnChanges())
}

// The Kubernetes provider would be content with what the status says of the pods before a
// change; package rollout looks at the pods.
func TestNothingIsAwaitedByTheProvider(t *testing.T) {
	for _, replicas := range []int{0, 3} {
		graph := serve(t, func(a *Args) { a.Replicas = replicas })
		set := graph.Get(t, setType, "serving")
		assert.EqualValues(t, replicas, set.Value("spec.replicas"))
		assert.Nil(t, set.Value(`metadata.annotations["pulumi.com/waitFor"]`))
		assert.Equal(t, "true", graph.Get(t, serviceType, "serving-service").Value(`metadata.annotations["pulumi.com/skipAwait"]`))
	}
}

// The controller is deleted after the set, and the pods' deletion needs it. The provider deletes
// in the foreground and waits for the end, unless an annotation says otherwise.
func TestWhenTheSetIsDeletedSoAreItsPods(t *testing.T) {
	set := serve(t, nil).Get(t, setType, "serving")
	for _, annotation := range []string{"pulumi.com/deletionPropagationPolicy", "pulumi.com/skipAwait"} {
		assert.Nil(t, set.Value(`metadata.annotations["`+annotation+`"]`), annotation)
	}
}

func TestEachPodTemplateCarriesItsHash(t *testing.T) {
	hash := func(change func(*Args)) string {
		set := serve(t, change).Get(t, setType, "serving")
		of := func(role string) any {
			return set.Value(templates + role + `Template.metadata.labels["` + TemplateLabel + `"]`)
		}
		assert.Equal(t, of("leader"), of("worker"))
		text, _ := of("leader").(string)
		assert.Regexp(t, "^[0-9a-f]{10}$", text)
		return text
	}
	first := hash(nil)
	assert.Equal(t, first, hash(nil), "equal templates")
	assert.Equal(t, first, hash(func(a *Args) { a.Replicas = 3 }), "the number of groups is in no template")
	seen := map[string]string{first: "none"}
	for name, change := range map[string]func(*Args){
		"image": func(a *Args) { a.Image += "x" },
		"argument": func(a *Args) {
			a.Arguments = a.Arguments.With("--max-running-requests", "64")
		},
		"topology": func(a *Args) { a.Topology, _ = topology.Parse("2x2x4") },
		"patience": func(a *Args) { a.Ready = 3 * time.Hour },
		"api key":  func(a *Args) { a.APIKey = pulumi.String("key") },
		"disk":     onDisks,
	} {
		h := hash(change)
		assert.Empty(t, seen[h], "%s changes the template", name)
		seen[h] = name
	}
}

// What a template holds must be plain: of a value that is known only later the hash would
// not change with it.
func TestTheHashCoversEveryValueOfATemplate(t *testing.T) {
	var args *Args
	serve(t, func(a *Args) { a.APIKey, args = pulumi.String("key"), a })
	text, err := json.Marshal(podTemplate(args, leader))
	require.NoError(t, err)
	assert.NotContains(t, string(text), "{}", "an output, or an empty object")
}

func TestASingleHostIsAGroupOfOne(t *testing.T) {
	set := serve(t, func(a *Args) { a.Topology, _ = topology.Parse("1x1x1") }).Get(t, setType, "serving")
	assert.Equal(t, 1.0, set.Value(templates+"size"))
	for _, role := range []string{"leader", "worker"} {
		resources := templates + role + "Template.spec.containers[0].resources."
		assert.Equal(t, map[string]any{"google.com/tpu": "1", "cpu": "40", "memory": "160Gi", "ephemeral-storage": "16Gi"}, set.Value(resources+"requests"))
	}
}

func TestTheServiceSelectsLeadersOnly(t *testing.T) {
	service := serve(t, nil).Get(t, serviceType, "serving-service")
	for path, want := range map[string]any{
		"metadata.name":            "sglang-leader-tpu",
		"spec.type":                "ClusterIP",
		"spec.ports[0].name":       "http",
		"spec.ports[0].port":       8000.0,
		"spec.ports[0].targetPort": "http",
		"spec.selector": map[string]any{
			"leaderworkerset.sigs.k8s.io/name":         "sglang-tpu-cluster",
			"leaderworkerset.sigs.k8s.io/worker-index": "0",
		},
	} {
		assert.Equal(t, want, service.Value(path), path)
	}
}

func TestTokenAndKeyAreSecretsAndLeftOutWhenThereAreNone(t *testing.T) {
	for _, tc := range []struct{ resource, name, key, value, variable string }{
		{"serving-hf-secret", "hf-secret", "hf_api_token", "hf_token", "HF_TOKEN_PATH"},
		{"serving-api-key", "sglang-api-key", "api_key", "key-of-clients", "API_KEY_FILE"},
	} {
		t.Run(tc.variable, func(t *testing.T) {
			graph := serve(t, func(a *Args) { a.APIKey = pulumi.String("key-of-clients") })
			secret := graph.Get(t, secretType, tc.resource)
			assert.Equal(t, tc.name, secret.Value("metadata.name"))
			assert.Equal(t, tc.value, secret.Value("stringData."+tc.key))
			assert.True(t, secret.Secret("stringData."+tc.key))
			for _, r := range graph.All() {
				if r.Type != secretType {
					assert.NotContains(t, r.RPC.GetObject().String(), tc.value, r.Name)
				}
			}
			set := graph.Get(t, setType, "serving")
			assert.True(t, set.DependsOn(tc.resource))
			if tc.variable == "HF_TOKEN_PATH" { // which is the download Job's alone
				assert.NotContains(t, environmentOf(set, "leader"), tc.variable)
				set = serve(t, onDisks).Get(t, setType, "serving")
			}
			for _, role := range []string{"leader", "worker"} {
				assert.Equal(t, "/run/secrets/sglang/"+tc.key, environmentOf(set, role)[tc.variable])
				assert.Contains(t, fmt.Sprint(set.Value(templates+role+"Template.spec.volumes")),
					fmt.Sprintf("secret:map[items:[map[key:%s path:%s]] name:%s]", tc.key, tc.key, tc.name))
			}

			graph = serve(t, func(a *Args) { a.HFToken, a.APIKey = nil, nil })
			assert.Empty(t, graph.OfType(secretType))
			assert.NotContains(t, environmentOf(graph.Get(t, setType, "serving"), "leader"), tc.variable)
		})
	}
}

// A server on disks fetches by itself, with the token, and asks clients for the key: one
// volume has both.
func TestTokenAndKeyOfOneServerAreInOneVolume(t *testing.T) {
	set := serve(t, func(a *Args) { onDisks(a); a.APIKey = pulumi.String("key-of-clients") }).Get(t, setType, "serving")
	for _, role := range []string{"leader", "worker"} {
		volumes := fmt.Sprint(set.Value(templates + role + "Template.spec.volumes"))
		assert.Equal(t, 1, strings.Count(volumes, "projected:"), volumes)
		assert.Contains(t, volumes, "name:hf-secret")
		assert.Contains(t, volumes, "name:sglang-api-key")
		assert.Equal(t, "/run/secrets/sglang/hf_api_token", environmentOf(set, role)["HF_TOKEN_PATH"])
		assert.Equal(t, "/run/secrets/sglang/api_key", environmentOf(set, role)["API_KEY_FILE"])
	}
}

func TestTheStorageClassCreatesDisksForTPUHosts(t *testing.T) {
	assert.Empty(t, serve(t, nil).OfType(classType), "a bucket needs none")
	class := serve(t, onDisks).Get(t, classType, "serving-storage-class")
	assert.True(t, class.DeletesBeforeReplace())
	for path, want := range map[string]any{
		"metadata.name":        "sglang-hyperdisk",
		"provisioner":          "pd.csi.storage.gke.io",
		"volumeBindingMode":    "WaitForFirstConsumer",
		"reclaimPolicy":        "Delete",
		"allowVolumeExpansion": true,
		"parameters": map[string]any{
			"type":                             "hyperdisk-balanced",
			"provisioned-iops-on-create":       "10000",
			"provisioned-throughput-on-create": "1200Mi",
			"use-allowed-disk-topology":        "true",
		},
	} {
		assert.Equal(t, want, class.Value(path), path)
	}
}
