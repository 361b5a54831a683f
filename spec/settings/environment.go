package settings

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

const environmentKey = "sglang-tpu:serverEnvironment"

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ownVariables are the variables that the pods, the image or the controllers set, and why a
// user's value could only break them. A name that ends with * is a prefix.
var ownVariables = []struct{ names, why string }{
	{"HF_HOME HF_HUB_CACHE", "the weights' folder follows from sglang-tpu:cache"},
	{"HF_HUB_OFFLINE HF_HUB_DISABLE_XET", "it follows from sglang-tpu:cache"},
	{"HF_TOKEN*", "the token is sglang-tpu:hfToken"},
	{"HUGGING*", "it is an older name of an HF_ variable, and these follow from sglang-tpu:cache and sglang-tpu:hfToken"},
	{"TRANSFORMERS_*", "the folder of the weights and offline mode follow from sglang-tpu:cache"},
	{"SGLANG_USE_MODELSCOPE", "the weights are fetched from the Hugging Face Hub"},
	{"JAX_COMPILATION_CACHE_DIR", "the folder of compiled code follows from sglang-tpu:cache"},
	{"JAX_PLATFORMS", "the server compares it with --device tpu, and has to find the chips itself"},
	{"LWS_* TPU_WORKER_* TPU_PROCESS_* TPU_NAME", "the LeaderWorkerSet controller sets it"},
	{"TPU_TOPOLOGY* TPU_ACCELERATOR_TYPE TPU_HOST_BOUNDS TPU_CHIPS_PER_HOST_BOUNDS", "GKE sets it"},
	{"KUBERNETES_*", "Kubernetes sets it"},
	{"HOME", "it is the only writable folder"},
	{"HF_MODULES_CACHE XDG_CACHE_HOME MPLCONFIGDIR NUMBA_CACHE_DIR", "it is in the only writable folder"},
	{"PYTHONDONTWRITEBYTECODE", "the image is read-only"},
	{"PATH", "the image sets it"},
	{"POD_IP", "it is the pod's address"},
	{"RENDEZVOUS_PORT", "the NetworkPolicy uses it"},
	{"SERVER_PORT", "probes and the Service use it"},
	{"TOKENIZER", "it follows from sglang-tpu:modelRevision"},
	{"API_KEY_FILE", "it is where sglang-tpu:apiKey is"},
}

// secretWords are words in a name, between underscores, that indicate a secret.
var secretWords = []string{"TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASS", "PWD", "AUTH", "CREDENTIAL", "CREDENTIALS", "KEY", "APIKEY"}

// checkEnvironment rejects invalid names, variables that users may not set, and secrets.
func (l *loader) checkEnvironment() {
	const remedy = "remove it; the server's own secrets are sglang-tpu:hfToken and sglang-tpu:apiKey"
	if len(l.ServerEnvironment) > 0 && l.source.IsSecret(environmentKey) {
		l.found.Add(environmentKey, "", "contains a secret, which would be in plain text in the pods", remedy)
	}
	for _, name := range slices.Sorted(maps.Keys(l.ServerEnvironment)) {
		key := environmentKey + "." + name
		why := ownVariable(name)
		// Messages do not contain the value, which may be a secret.
		switch {
		case !variableName.MatchString(name):
			l.found.Add(key, "", "is not the name of a variable", "use letters, digits and underscores, and do not begin with a digit")
		case why != "":
			l.found.Add(key, "", "cannot be set: "+why, "remove it")
		case hasSecretWord(name):
			l.found.Add(key, "", "looks like a secret, and would be in plain text in the pods", remedy)
		}
	}
}

func ownVariable(name string) string {
	for _, own := range ownVariables {
		for _, pattern := range strings.Fields(own.names) {
			beginning, isPattern := strings.CutSuffix(pattern, "*")
			if name == pattern || isPattern && strings.HasPrefix(name, beginning) {
				return own.why
			}
		}
	}
	return ""
}

func hasSecretWord(name string) bool {
	return slices.ContainsFunc(strings.Split(strings.ToUpper(name), "_"), func(word string) bool { return slices.Contains(secretWords, word) })
}
