package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/review"
	"sglang-tpu/emulator/internal/sandbox"
)

// recorded is a change of the configuration or the program, and its expected review.
type recorded struct {
	name     string
	settings []string // in addition to those of the base
	sets     []set    // values that override those of the program's resources
	renamed  bool     // slice-0 was called pool-0 in the base's program
	class    review.Class
	deletion bool
	says     []string // each in the sentence of some resource
	notes    string
	chips    review.Chips
	refused  bool // pulumi up fails because of protection
}

// set is one property of a resource; a nil value removes it. Without a path, Value is the
// name of an alias.
type set struct {
	Type, Name, Path string
	Value            any
}

// token is encrypted for another stack, as in an environment's file; the emulator replaces it.
const token = `sglang-tpu:hfToken={"secure":"v1:before"}`

// modelOfBoth is the model of both bases, which is independent of the default.
const modelOfBoth = "model=Qwen/Qwen2.5-Coder-32B-Instruct"

// before is the base of dev: one group on a spot slice, with a token.
var before = append(flags(modelOfBoth), "-c", token)

var kept = review.Chips{Before: 8, After: 8}

func interrupted(before, after, n int) review.Chips {
	return review.Chips{Before: before, After: after, Interrupted: n}
}

var ofDevelopment = []recorded{
	{name: "nothing", class: review.None, chips: kept},
	{
		name: "topology", settings: flags("topology=2x2x4"), class: review.SliceRebuild, chips: interrupted(8, 16, 8),
		says: []string{"TPU slice 0 is replaced: ", "changes from `2x2x2` to `2x2x4`; its group stops serving; its 8 chips are released, and a new slice has to be obtained"},
	},
	{
		name: "one chip of one host", settings: flags("topology=1x1x1"), class: review.SliceRebuild, chips: interrupted(8, 1, 8),
		says: []string{"TPU slice 0 is replaced: `placementPolicy`, which was `", "\"}`, is removed; its group stops serving", "`machineType` changes from `tpu7x-standard-4t` to `tpu7x-standard-1t`", "The workload policy of TPU slice 0 is deleted"},
	},
	{
		name: "replicas up", settings: flags("replicas=3"), class: review.None, chips: review.Chips{Before: 8, After: 24},
		says: []string{"TPU slice 1 is created: 8 chips are requested", "TPU slice 2 is created", "`spec.replicas` changes from `1` to `3`; groups are added; running groups keep serving"},
	},
	{
		name: "replicas down to nothing", settings: flags("replicas=0"), class: review.GroupRestart, deletion: true, chips: interrupted(8, 0, 0),
		says: []string{"TPU slice 0 is deleted: its 8 chips are released", "`spec.replicas` changes from `1` to `0`; group 0 ends"},
	},
	{
		name: "capacity mode", settings: flags(onDemand), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 is replaced: `spot`, which was `true`, is no longer set; its group stops serving"},
	},
	{
		name: "zone", settings: []string{"-c", "gcp:zone=us-central1-ai1a"}, class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 changes: `nodeLocations[0]` changes from `us-central1-c` to `us-central1-ai1a`"},
	},
	{
		name: "subnet range", settings: flags(`network={"nodes":"10.99.0.0/20"}`), class: review.ClusterRebuild, deletion: true, chips: interrupted(8, 8, 8),
		says: []string{"Subnetwork network-subnet is replaced: `ipCidrRange` changes from", "The GKE cluster is replaced: `subnetwork`"},
	},
	{
		name: "image commit", settings: flags(`image={"source":"build","commit":"` + strings.Repeat("ab", 20) + `"}`), class: review.GroupRestart, chips: interrupted(8, 8, 8),
		says: []string{"`containers[*].image` changes from `us-central1-docker.pkg.dev/emulated-project/sglang-tpu-dev/sglang-jax:cddbf6f1cc33-", "Job image-build is replaced"},
	},
	{
		name: "model", settings: flags("model=Qwen/Qwen3-8B"), class: review.GroupRestart, chips: interrupted(8, 8, 8),
		says: []string{"`containers[*].args --model-path` changes from `Qwen/Qwen2.5-Coder-32B-Instruct` to `Qwen/Qwen3-8B`", "before that, the weights of the new model are downloaded into the bucket, once"},
	},
	{
		name: "server flag", settings: flags(`serverArguments=["--mem-fraction-static","0.8"]`), class: review.GroupRestart, chips: interrupted(8, 8, 8),
		says: []string{"`containers[*].args --mem-fraction-static` changes from `0.88` to `0.8`", "the only group ends and starts again on the same chips; weights are cached, and code is compiled again"},
	},
	{
		name: "probe", sets: []set{{setType, "serving", "spec.leaderWorkerTemplate.leaderTemplate.spec.containers[0].livenessProbe.failureThreshold", 7}},
		class: review.GroupRestart, chips: interrupted(8, 8, 8),
		says: []string{"`spec.leaderWorkerTemplate.leaderTemplate.spec.containers[sglang-leader].livenessProbe.failureThreshold` changes from", " to `7`; the only group ends and starts again on the same chips; weights and compiled code are cached"},
	},
	{
		name: "label", settings: flags(`labels={"environment":"dev","team":"ml"}`), class: review.None, chips: kept,
		says: []string{"TPU slice 0 changes: `resourceLabels.team` is set to `ml`; GKE changes the nodes without restarting them", "The GKE cluster changes: `resourceLabels.team` is set to `ml`; the control plane changes in place"},
	},
	{
		name: "GKE version", settings: flags(`gke={"minVersion":"1.36.0-gke.1000000"}`), class: review.None, chips: kept,
		says: []string{"The GKE cluster changes: `minMasterVersion` changes from `1.35` to `1.36.0-gke.1000000`; the control plane is upgraded, and does not go back; nodes follow in a maintenance window that no exclusion covers"},
	},
	{
		name: "an exclusion of maintenance", settings: flags(`maintenance={"exclusions":[{"name":"keep","start":"2027-01-01","end":"2027-02-01"}]}`), class: review.None, chips: kept,
		says: []string{"The GKE cluster changes: `maintenancePolicy.maintenanceExclusions`", "the times of GKE's automatic upgrades change; in a window that no exclusion of node upgrades covers"},
	},
	{
		name: "system pool size", settings: flags(`systemPool={"nodes":3}`), class: review.None, chips: kept,
		says: []string{"The system node pool changes: `nodeCount` changes from `1` to `3`; nodes are added or drained"},
	},
	{
		name: "system pool machine", settings: flags(`systemPool={"machineType":"e2-standard-16"}`), class: review.Rolling, chips: kept,
		says: []string{"The system node pool changes: `machineType` changes from `e2-standard-8` to `e2-standard-16`; its nodes are recreated, and the controllers on them move"},
	},
	{
		name: "image of the controller", class: review.Rolling, chips: kept,
		sets: []set{{"kubernetes:apps/v1:Deployment", "lws:lws-system/lws-controller-manager", "spec.template.spec.containers[0].image", "registry.k8s.io/lws/lws:v0.9.9"}},
		says: []string{"Deployment lws:lws-system/lws-controller-manager changes: ", "image` changes from", "the controller restarts; groups keep running"},
	},
	{
		name: "secret rotation", settings: []string{"-c", `sglang-tpu:hfToken={"secure":"v1:after"}`}, class: review.None, chips: kept,
		says: []string{"Secret serving-hf-secret changes: ", "hf_api_token`, a secret, changes; pods read it when they start"},
	},
	{
		name: "no secret any more", settings: []string{"-c", `sglang-tpu:hfToken=`}, class: review.None, deletion: true, chips: kept,
		says: []string{"Secret serving-hf-secret is deleted: a pod that needs it does not start again"},
	},
	{
		name: "cache mode", settings: flags(`cache={"mode":"disk"}`), class: review.GroupRestart, deletion: true, chips: interrupted(8, 8, 8),
		says: []string{"The bucket cache is deleted: downloaded weights and compiled code are deleted with it", "every host downloads the 61 GiB of weights again"},
	},
	{
		name: "protect on", settings: flags("protect=true"), class: review.None, chips: kept,
		says: []string{"Pulumi protects ", "The GKE cluster changes: `deletionProtection` changes from `false` to `true`"},
	},
	{
		name: "a component renamed with an alias", renamed: true, class: review.None, chips: kept, notes: "2 resources were renamed in the program and have aliases: nothing happens to them",
		sets: []set{{Type: "sglang-tpu:infra:Slice", Name: "slice-0", Value: "pool-0"}},
	},
	{
		name: "a component renamed without one", renamed: true, class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 is replaced: it is called `slice-0` in the program, was `pool-0`, and has no alias; its group stops serving", "fails with `Error 409: alreadyExists`"},
	},
	{
		name: "name of the set", settings: flags("leaderWorkerSet=other"), class: review.GroupRestart, chips: interrupted(8, 8, 8),
		says: []string{"The LeaderWorkerSet is replaced: `metadata.name` changes from `sglang-tpu-cluster` to `other`; the only group has to end first and start again"},
	},
	{
		name: "authorized networks", settings: flags(`network={"authorizedNetworks":["203.0.113.0/24"]}`), class: review.None, chips: kept,
		says: []string{"the ranges that may reach the control plane's public address change"},
	},
}

// two is the base of prod: two groups on reserved slices, protected.
var two = flags(modelOfBoth, "replicas=2")

var ofProduction = []recorded{
	{
		name: "image commit with two groups", settings: flags(`image={"source":"build","commit":"` + strings.Repeat("cd", 20) + `"}`), class: review.Rolling, chips: interrupted(16, 16, 16),
		says: []string{"the 2 groups restart one after the other on the same chips"},
	},
	{
		name: "replicas down", settings: flags("replicas=1"), class: review.GroupRestart, deletion: true, refused: true, chips: review.Chips{Before: 16, After: 8},
		says: []string{"TPU slice 1 is deleted: its 8 chips are released; the group on it ends, and a remaining group that ran there restarts"},
	},
	{
		name: "topology of what is protected", settings: flags("topology=2x2x4"), class: review.SliceRebuild, refused: true, chips: interrupted(16, 32, 16),
		says: []string{"TPU slice 0 is replaced", "TPU slice 1 is replaced"},
	},
	{
		name: "a disk size that protection does not see", sets: []set{{pool, "slice-1", "nodeConfig.diskSizeGb", 300}}, class: review.SliceRebuild, chips: interrupted(16, 16, 8),
		says: []string{"TPU slice 1 changes: `diskSizeGb` changes from `200` to `300`; in place, but GKE recreates all nodes of the slice at once"},
	},
	{
		name: "protect off", settings: flags("protect=false"), class: review.None, chips: review.Chips{Before: 16, After: 16},
		says: []string{"Pulumi no longer protects ", "`deletionProtection` changes from `true` to `false`; the cluster's deletion protection in GKE changes"},
	},
}

// TestRecordedChanges previews each change against one running base per environment.
func TestRecordedChanges(t *testing.T) {
	release := parallel(t, 390)
	w := newWorld(t)
	w.emulator(t, append([]string{"up", "dev"}, before...)...)
	w.emulator(t, append([]string{"up", "prod"}, two...)...)
	// Both environments run the same programs.
	w.build(t, "main.go", w.program(t, "dev"))
	w.build(t, filepath.Join("emulator", "e2e", "testdata", "setter.go.txt"), w.program(t, "dev-set"))
	for _, kind := range []string{"", "-set"} {
		require.NoError(t, os.Link(filepath.Join(w.programs("dev"+kind), "program"), filepath.Join(w.program(t, "prod"+kind), "program")))
	}
	release()
	t.Run("all", func(t *testing.T) {
		for stack, changes := range map[string][]recorded{"dev": append(ofDevelopment, ofTheTable...), "prod": ofProduction} {
			t.Run(stack, func(t *testing.T) {
				parallel(t, 300)
				base := map[string][]string{"dev": before, "prod": two}[stack]
				program := w.programs(stack)
				protected := w.unprotect(t, stack)
				assert.Equal(t, stack == "prod", len(protected) > 0)
				t.Run("moves", func(t *testing.T) { w.moved(t, stack, program, base) })
				for _, c := range changes {
					t.Run(c.name, func(t *testing.T) { w.reviewed(t, stack, program, base, protected, c) })
				}
			})
		}
	})
}

func (w *world) stateFile(stack string) string {
	return filepath.Join(w.root, "pulumi", "state", ".pulumi", "stacks", "sglang-tpu", stack+".json")
}

// unprotect removes the protection of a stack's resources, like the review.
func (w *world) unprotect(t *testing.T, stack string) []string {
	t.Helper()
	protected, err := sandbox.Unprotect(w.stateFile(stack))
	require.NoError(t, err)
	return protected
}

// program creates a copy of the program that runs an existing binary. Otherwise Pulumi would
// link the program for each preview.
func (w *world) program(t *testing.T, stack string) string {
	t.Helper()
	dir := w.programs(stack)
	w.copyProgram(t, dir, ":!emulator")
	box := sandbox.Sandbox{Layout: layout.Layout{Root: w.root}}
	require.NoError(t, box.RunBinary(dir, filepath.Join(dir, "program")))
	return dir
}

func (w *world) programs(stack string) string { return filepath.Join(w.root, "program-"+stack) }

// build builds the binary of a program from the checkout, with another file in place of main.go.
// With setter.go.txt, the values in sets.json override those of resources.
func (w *world) build(t *testing.T, main, dir string) {
	t.Helper()
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(w.checkout, "main.go"): filepath.Join(w.checkout, main),
	}})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	cmd := w.command(context.Background(), "go", "build", "-overlay", file, "-ldflags", "-s -w", "-o", filepath.Join(dir, "program"), ".")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// reviewed applies one change and previews it.
func (w *world) reviewed(t *testing.T, stack, program string, base, protected []string, c recorded) {
	if len(c.sets) > 0 {
		text, err := json.Marshal(c.sets)
		require.NoError(t, err)
		program = w.programs(stack + "-set")
		require.NoError(t, os.WriteFile(filepath.Join(program, "sets.json"), text, 0o600))
	}
	if c.renamed {
		file := w.stateFile(stack)
		now, err := os.ReadFile(file)
		require.NoError(t, err)
		defer func() { require.NoError(t, os.WriteFile(file, now, 0o600)) }()
		before := strings.ReplaceAll(string(now), "::slice-0", "::pool-0") // in URNs alone
		require.NotEqual(t, string(now), before)
		require.NoError(t, os.WriteFile(file, []byte(before), 0o600))
	}
	e := w.previewed(t, stack, program, append(append([]string{}, base...), c.settings...), protected)
	var all []string
	for _, i := range e.Items {
		all = append(all, i.Sentence)
	}
	text := strings.Join(all, "\n")
	assert.Equal(t, c.class, e.Class, text)
	assert.Equal(t, c.deletion, e.Deletion, text)
	assert.Equal(t, c.chips, e.Chips)
	assert.Empty(t, e.Errors)
	assert.Equal(t, c.refused, len(e.Refusals) > 0, "%v", e.Refusals)
	assert.Equal(t, len(c.says) > 0 || c.refused, e.Changed, text)
	details := text
	for _, i := range e.Items {
		for _, change := range i.Changes {
			details += "\n" + change.Words()
		}
	}
	for _, says := range c.says {
		assert.Contains(t, details, says)
	}
	if c.notes != "" {
		assert.Contains(t, e.Notes, c.notes)
	}
	assert.NotContains(t, details, "this review has no rule for it")
	assert.NotContains(t, details, "hf_stands_in")
}

// previewed returns the review of a preview of a program with settings.
func (w *world) previewed(t *testing.T, stack, program string, settings, protected []string) review.Environment {
	t.Helper()
	w.lay(t, stack, settings)
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	began := time.Now()
	cmd := w.command(ctx, filepath.Join(w.root, "bin", "pulumi"), "preview", "--json", "--non-interactive")
	cmd.Env = append(w.environ(stack), "PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true")
	cmd.Dir = program
	out, err := cmd.Output() // errors are also in the events
	fmt.Printf("    preview of %s: %s\n", stack, time.Since(began).Round(100*time.Millisecond))
	p, wrong := review.Read(out)
	require.NoError(t, wrong)
	require.NotEmpty(t, p.Steps, "%v\n%s", err, out)
	return review.Of(stack, p, protected)
}

// lay prepares the stack's configuration.
func (w *world) lay(t *testing.T, stack string, settings []string) {
	t.Helper()
	w.emulator(t, append([]string{"start", stack}, settings...)...)
}
