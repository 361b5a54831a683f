package settings

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

const environmentKey = "sglang-tpu:serverEnvironment"

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ownVariables are the variables that the pods, the image or the controllers set, by name,
// or by prefix if the name ends with *. A user's value could only break them.
var ownVariables = map[string]string{
	"HF_HOME":                   "the weights' folder follows from sglang-tpu:cache",
	"HF_HUB_CACHE":              "the weights' folder follows from sglang-tpu:cache",
	"HF_HUB_OFFLINE":            "it follows from sglang-tpu:cache",
	"HF_HUB_DISABLE_XET":        "it follows from sglang-tpu:cache",
	"HF_MODULES_CACHE":          "it is in the only writable folder",
	"HF_TOKEN*":                 "the token is sglang-tpu:hfToken",
	"HUGGING*":                  "it is an older name of an HF_ variable, and these follow from sglang-tpu:cache and sglang-tpu:hfToken",
	"TRANSFORMERS_*":            "the folder of the weights and offline mode follow from sglang-tpu:cache",
	"SGLANG_USE_MODELSCOPE":     "the weights are fetched from the Hugging Face Hub",
	"JAX_COMPILATION_CACHE_DIR": "the folder of compiled code follows from sglang-tpu:cache",
	"JAX_PLATFORMS":             "the server compares it with --device tpu, and has to find the chips itself",
	"LWS_*":                     "the LeaderWorkerSet controller sets it",
	"TPU_WORKER_*":              "the LeaderWorkerSet controller sets it",
	"TPU_PROCESS_*":             "the LeaderWorkerSet controller sets it",
	"TPU_NAME":                  "the LeaderWorkerSet controller sets it",
	"TPU_TOPOLOGY*":             "GKE sets it",
	"TPU_ACCELERATOR_TYPE":      "GKE sets it",
	"TPU_HOST_BOUNDS":           "GKE sets it",
	"TPU_CHIPS_PER_HOST_BOUNDS": "GKE sets it",
	"KUBERNETES_*":              "Kubernetes sets it",
	"HOME":                      "it is the only writable folder",
	"XDG_CACHE_HOME":            "it is in the only writable folder",
	"MPLCONFIGDIR":              "it is in the only writable folder",
	"NUMBA_CACHE_DIR":           "it is in the only writable folder",
	"PYTHONDONTWRITEBYTECODE":   "the image is read-only",
	"PATH":                      "the image sets it",
	"POD_IP":                    "it is the pod's address",
	"RENDEZVOUS_PORT":           "the NetworkPolicy uses it",
	"SERVER_PORT":               "probes and the Service use it",
	"TOKENIZER":                 "it follows from sglang-tpu:modelRevision",
	"API_KEY_FILE":              "it is where sglang-tpu:apiKey is",
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
	if why, ok := ownVariables[name]; ok {
		return why
	}
	for pattern, why := range ownVariables {
		if beginning, isPattern := strings.CutSuffix(pattern, "*"); isPattern && strings.HasPrefix(name, beginning) {
			return why
		}
	}
	return ""
}

func hasSecretWord(name string) bool {
	return slices.ContainsFunc(strings.Split(strings.ToUpper(name), "_"), func(word string) bool { return slices.Contains(secretWords, word) })
}
