package serving

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/internal/pulumitest"
)

// environmentOf maps the variables of a role's container to their value or source.
func environmentOf(set pulumitest.Resource, role string) map[string]any {
	variables := map[string]any{}
	list, _ := set.Value(templates + role + "Template.spec.containers[0].env").([]any)
	for _, entry := range list {
		variable := entry.(map[string]any)
		name := variable["name"].(string)
		if from, ok := variable["valueFrom"]; ok {
			variables[name] = from
		} else {
			variables[name] = variable["value"]
		}
	}
	return variables
}

func TestLeaderAndWorkerDifferOnlyInNameLabelsProbesAndInitContainers(t *testing.T) {
	set := serve(t, nil).Get(t, setType, "serving")
	template := func(role string) map[string]any {
		pod := set.Value(templates + role + "Template").(map[string]any)
		container := pod["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		assert.Equal(t, "sglang-"+role, container["name"])
		labels := pod["metadata"].(map[string]any)["labels"].(map[string]any)
		assert.Equal(t, role, labels["role"])
		assert.Equal(t, role, labels["app.kubernetes.io/component"])
		for _, key := range []string{"name", "readinessProbe", "livenessProbe", "lifecycle"} {
			delete(container, key)
		}
		delete(pod, "metadata")
		return pod
	}
	leader, worker := template("leader"), template("worker")
	delete(worker["spec"].(map[string]any), "initContainers")
	assert.Equal(t, leader, worker)
}

func TestOnlyAWorkerHasAnInitContainerWithTheLeadersName(t *testing.T) {
	set := serve(t, nil).Get(t, setType, "serving")
	assert.Nil(t, set.Value(templates+"leaderTemplate.spec.initContainers"))
	wait := set.Value(templates + "workerTemplate.spec.initContainers[0]").(map[string]any)
	assert.Equal(t, set.Value(templates+"leaderTemplate.spec.containers[0].name"), wait["name"],
		"kubectl logs -c refuses all pods of a selection if one has no container of that name")
	assert.Equal(t, []any{"bash", "-c", awaitScript}, wait["command"])
	assert.Equal(t, set.Value(templates+"workerTemplate.spec.containers[0].image"), wait["image"])
	for _, kind := range []string{"requests", "limits"} {
		amounts := wait["resources"].(map[string]any)[kind].(map[string]any)
		assert.NotContains(t, amounts, "google.com/tpu", "it must not count chips twice")
	}
}

func TestAPodTakesAWholeHostOfItsSlice(t *testing.T) {
	set := serve(t, nil).Get(t, setType, "serving")
	const pod = templates + "workerTemplate.spec."
	const container = pod + "containers[0]."
	for path, want := range map[string]any{
		pod + "nodeSelector": map[string]any{
			"cloud.google.com/gke-tpu-accelerator": "tpu7x", "cloud.google.com/gke-tpu-topology": "2x2x2",
		},
		pod + "tolerations": []any{map[string]any{"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}},
		container + "resources": map[string]any{
			"requests": map[string]any{"google.com/tpu": "4", "cpu": "160", "memory": "640Gi", "ephemeral-storage": "16Gi"},
			"limits":   map[string]any{"google.com/tpu": "4", "cpu": "208", "memory": "704Gi", "ephemeral-storage": "32Gi"},
		},
		pod + "serviceAccountName":              "sglang",
		pod + "automountServiceAccountToken":    false,
		container + "terminationMessagePolicy":  "FallbackToLogsOnError",
		pod + "enableServiceLinks":              false,
		pod + "terminationGracePeriodSeconds":   float64(graceSeconds),
		pod + "volumes[0]":                      map[string]any{"name": "dshm", "emptyDir": map[string]any{"medium": "Memory", "sizeLimit": "64Gi"}},
		container + "image":                     "registry.example/sglang-jax:abc",
		container + "volumeMounts[0].mountPath": "/dev/shm",
		container + "volumeMounts[1].mountPath": "/cache",
		container + "ports[0].containerPort":    8000.0,
	} {
		assert.Equal(t, want, set.Value(path), path)
	}
}

func TestTheContainerRunsTheLaunchScriptWithThePlansArguments(t *testing.T) {
	set := serve(t, nil).Get(t, setType, "serving")
	assert.Equal(t, []any{"bash", "-c", launchScript, "launch"}, set.Value(templates+"leaderTemplate.spec.containers[0].command"))
	assert.Equal(t, []any{
		"--model-path", "org/model", "--served-model-name", "org/model", "--trust-remote-code",
		"--device", "tpu", "--dtype", "bfloat16", "--host", "0.0.0.0", "--port", "8000",
		"--random-seed", "0", "--watchdog-timeout", "1200",
		"--tp-size", "16", "--dp-size", "2",
	}, set.Value(templates+"leaderTemplate.spec.containers[0].args"))
	environment := environmentOf(set, "leader")
	assert.Regexp(t, `^/cache/jax/[0-9a-f]{12}$`, environment["JAX_COMPILATION_CACHE_DIR"])
	delete(environment, "JAX_COMPILATION_CACHE_DIR")
	for _, scratch := range []string{"HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR"} {
		assert.Regexp(t, "^/tmp", environment[scratch], "the image's files cannot be changed")
		delete(environment, scratch)
	}
	delete(environment, "PYTHONDONTWRITEBYTECODE")
	assert.Equal(t, "/tmp/.cache/huggingface/modules", environment["HF_MODULES_CACHE"], "of this pod alone")
	delete(environment, "HF_MODULES_CACHE")
	assert.Equal(t, map[string]any{
		"POD_IP":          map[string]any{"fieldRef": map[string]any{"fieldPath": "status.podIP"}},
		"RENDEZVOUS_PORT": "20000",
		"SERVER_PORT":     "8000",
		"HF_HOME":         "/cache/huggingface",
		"HF_HUB_OFFLINE":  "1",
	}, environment)
}

func TestProbesDetectAServerThatAnswersButDoesNotWork(t *testing.T) {
	probe := func(path string, period, timeout, failures float64) map[string]any {
		return map[string]any{
			"httpGet":       map[string]any{"path": path, "port": "http"},
			"periodSeconds": period, "timeoutSeconds": timeout, "failureThreshold": failures,
		}
	}
	for _, tc := range []struct {
		path string
		want map[string]any
	}{
		{"leaderTemplate.spec.containers[0].readinessProbe", probe("/health_generate", 30, 30, 3)},
		{"leaderTemplate.spec.containers[0].livenessProbe", probe("/health_generate", 60, 30, 5)},
		{"workerTemplate.spec.containers[0].readinessProbe", probe("/health", 10, 1, 3)},
		{"workerTemplate.spec.containers[0].livenessProbe", map[string]any{
			"exec":          map[string]any{"command": []any{"sh", "-c", schedulerLives}},
			"periodSeconds": 30.0, "timeoutSeconds": 10.0, "failureThreshold": 3.0,
		}},
	} {
		assert.Equal(t, tc.want, serve(t, nil).Get(t, setType, "serving").Value(templates+tc.path), tc.path)
	}
	// The startup probe allows what pulumi up waits for, and never less than an hour.
	for ready, failures := range map[time.Duration]float64{90 * time.Minute: 540, time.Minute: 360} {
		set := serve(t, func(a *Args) { a.Ready = ready }).Get(t, setType, "serving")
		for _, role := range []string{"leader", "worker"} {
			assert.Equal(t, probe("/health", 10, 1, failures), set.Value(templates+role+"Template.spec.containers[0].startupProbe"))
		}
	}
}

func TestLeaderAndWorkerHaveTheSameArguments(t *testing.T) {
	want := arguments("org/model", "v2").With("--served-model-name", "-x")
	set := serve(t, func(args *Args) { args.Arguments = want }).Get(t, setType, "serving")
	for _, role := range []string{"leader", "worker"} {
		assert.EqualValues(t, want.Words(), texts(set.Value(templates+role+"Template.spec.containers[0].args")))
	}
	assert.Contains(t, want.Words(), "--served-model-name=-x", "what looks like a flag stays with its own")
}

func texts(list any) []string {
	var all []string
	for _, each := range list.([]any) {
		all = append(all, each.(string))
	}
	return all
}

func TestVariablesReachTheServerAndChangeItsCompiledCode(t *testing.T) {
	with := func(variables map[string]string) map[string]any {
		set := serve(t, func(args *Args) { args.Environment = variables }).Get(t, setType, "serving")
		assert.Equal(t, environmentOf(set, "leader"), environmentOf(set, "worker"))
		return environmentOf(set, "leader")
	}
	const folder = "JAX_COMPILATION_CACHE_DIR"
	plain, one := with(nil), with(map[string]string{"LIBTPU_INIT_ARGS": "--a", "SGLANG_X": "1"})
	assert.Equal(t, "--a", one["LIBTPU_INIT_ARGS"])
	assert.Equal(t, "1", one["SGLANG_X"])
	assert.Len(t, one, len(plain)+2)
	assert.NotEqual(t, plain[folder], one[folder])
	assert.Equal(t, one[folder], with(map[string]string{"SGLANG_X": "1", "LIBTPU_INIT_ARGS": "--a"})[folder])
	assert.NotEqual(t, one[folder], with(map[string]string{"LIBTPU_INIT_ARGS": "--b", "SGLANG_X": "1"})[folder])
	assert.Equal(t, plain[folder], with(map[string]string{})[folder])
}
