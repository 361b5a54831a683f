package serverargs

import "strings"

// Flags that name further repositories of the Hub.
const (
	TokenizerFlag     = "--tokenizer-path"
	DraftFlag         = "--speculative-draft-model-path"
	DraftRevisionFlag = "--speculative-draft-model-revision" // of the draft model's repository
	LoRAFlag          = "--lora-paths"                       // each NAME=PATH, or PATH
)

// reason is why a flag may not be set, and what to do instead.
type reason struct{ why, remedy string }

// owned are the flags that the program computes or that have a setting of their own. A
// user's value could only contradict the program's.
var owned = map[string]reason{
	"--tensor-parallel-size": {"it is the number of devices of the topology", "set sglang-tpu:topology"},
	"--data-parallel-size":   {"it follows from the model's attention heads and the devices", "set sglang-tpu:topology"},
	"--ep-size":              {"it follows from the model's experts and the devices", "set sglang-tpu:topology"},
	"--nnodes":               {"it is the number of hosts of the topology", "set sglang-tpu:topology"},
	"--node-rank":            {"it is the pod's index in its group, which the LeaderWorkerSet controller sets", "remove it"},
	"--dist-init-addr":       {"it is the address of the group's leader, known only in the pod", "remove it"},
	"--host":                 {"probes and the Service reach the server only if it listens on all addresses of the pod", "remove it"},
	"--port":                 {"probes and the Service use this port", "remove it"},
	"--model-path":           {"the plan is made for sglang-tpu:model", "set sglang-tpu:model"},
	"--revision":             {"the weights are downloaded for sglang-tpu:modelRevision", "set sglang-tpu:modelRevision"},
	"--download-dir":         {"the folder of the weights follows from sglang-tpu:cache", "remove it"},
	"--device":               {"the pods run on TPUs", "remove it"},
	"--api-key":              {"it would be in plain text in the pods", "run: pulumi config set --secret sglang-tpu:apiKey KEY"},
	"--disable-precompile":   {"readiness probes would cause compilation, and would time out", "remove it"},
	// Not at the commit of the table.
	"--jax-proc-id":            {"it is the pod's index in its group, which the LeaderWorkerSet controller sets", "remove it"},
	"--jax-num-procs":          {"it is the number of hosts of the topology", "set sglang-tpu:topology"},
	"--disable-jax-precompile": {"readiness probes would cause compilation, and would time out", "remove it"},
}

var (
	twoServers = reason{"it splits prefill and decode between servers that must know each other's addresses, and each group of this program does both", "remove it"}
	otherMedia = reason{"it belongs to --multimodal, a different server that takes and generates images, for which this program has no plan and no health probe", "remove it"}
)

// unworkable are the flags that the server takes and that cannot work in this
// deployment.
var unworkable = map[string]reason{
	"--help": {"the server then prints its help and exits", "remove it"},
	// sgl_jax/srt/entrypoints/engine.py: _launch_threads instead of _launch_subprocesses.
	"--enable-single-process": {"the scheduler then has no process of its own, and the worker's liveness probe looks for one", "remove it"},
	"--multimodal":            otherMedia,
	// server_args.py sets it to None on several hosts.
	"--device-indexes": {"the server ignores it on several hosts, and on one host it leaves chips idle that the plan counts", "remove it, and set sglang-tpu:topology"},
}

// families are the beginnings of flags that are useful only together with a flag that cannot
// work.
var families = map[string]reason{
	"--pd-":                       twoServers,
	"--disaggregation-":           twoServers,
	"--no-disaggregation-":        twoServers,
	"--embedded-cfg-scale":        otherMedia,
	"--flow-shift":                otherMedia,
	"--dit-precision":             otherMedia,
	"--vae-":                      otherMedia,
	"--text-encoder-precisions":   otherMedia,
	"--image-encoder-precision":   otherMedia,
	"--precompile-width-heights":  otherMedia,
	"--precompile-frame-paddings": otherMedia,
}

// forbidden says why a flag may not be set; false if it may.
func forbidden(flag string) (reason, bool) {
	for _, flags := range []map[string]reason{owned, unworkable} {
		if r, ok := flags[flag]; ok {
			return r, true
		}
	}
	for beginning, r := range families {
		if strings.HasPrefix(flag, beginning) {
			return r, true
		}
	}
	return reason{}, false
}
