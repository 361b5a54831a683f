package e2e

import "strings"

// refusals are plausible but invalid configurations.
var refusals = []refusal{
	// Place.
	{`gcp:project: ""`, []string{"config gcp:project: is empty; run: pulumi config set gcp:project VALUE"}},
	{`gcp:project: null`, []string{"config gcp:project: is empty"}},
	{`gcp:project: "123456789012"`, []string{`config gcp:project: "123456789012" is not a project id; use the id, not the name or number`}},
	{`gcp:project: My Project`, []string{`config gcp:project: "My Project" is not a project id`}},
	{`gcp:project: your-project-id`, []string{`config gcp:project: "your-project-id" is a placeholder for your project id; run: pulumi config set gcp:project PROJECT`}},
	{`capacity: {mode: reservation, reservation: your-reservation}`, []string{`config sglang-tpu:capacity.reservation: "your-reservation" is a placeholder for the name of your reservation; run: pulumi config set --path sglang-tpu:capacity.reservation NAME`}},
	{`gcp:zone: us-central1`, []string{`config gcp:zone: "us-central1" is not a zone; use a zone such as us-central1-c`}},
	{`gcp:zone: " us-central1-c"`, []string{"config gcp:zone:", "has spaces around it; remove them"}},
	{`gcp:region: europe-west4`, []string{`config gcp:region: "europe-west4" is not the region of gcp:zone, which is us-central1`}},
	{`gcp:credentials: key.json`, []string{"config gcp:credentials: is not a setting; remove it; credentials come from: gcloud auth application-default login"}},

	// Names of settings.
	{`mode1: Qwen/Qwen3-8B`, []string{"config sglang-tpu:mode1: is not a setting (did you mean model?)"}},
	{`replica: 2`, []string{"config sglang-tpu:replica: is not a setting (did you mean replicas?)"}},
	{`spot: true`, []string{"config sglang-tpu:spot: is not a setting; remove it, or use one of model"}},
	{`stack: Dev_1`, []string{`stack name "Dev_1" cannot be part of Google Cloud names; use at most 12 lower-case letters`}},
	{`stack: a-very-long-environment`, []string{`stack name "a-very-long-environment" cannot be part of Google Cloud names`}},

	// Topology.
	{`topology: 2x2x3`, []string{`config sglang-tpu:topology: "2x2x3" is not a tpu7x topology; use 2x2x1, 2x2x2, 2x2x4, 2x4x4 or multiples of 4 in every dimension`}},
	{`topology: v7x-16`, []string{`config sglang-tpu:topology: "v7x-16" is not a tpu7x topology`}},
	{`topology: 2x2`, []string{`config sglang-tpu:topology: "2x2" is not a tpu7x topology`}},
	{`topology: 8x4x4`, []string{`config sglang-tpu:topology: "8x4x4" is not a tpu7x topology: GKE writes dimensions in ascending order; sort them`}},
	{`topology: 16x24x32`, []string{`config sglang-tpu:topology: "16x24x32" has 12288 chips; a tpu7x slice has at most 9216`}},
	{`topology: ""`, []string{"config sglang-tpu:topology: is empty"}},

	// Model.
	{`model: gpt-4`, []string{`config sglang-tpu:model: "gpt-4" is not in the catalogue; use one of MiniMaxAI/MiniMax-M2`, "or describe the model in customModel"}},
	{`model: Qwen/Qwen3-8b`, []string{"did you mean Qwen/Qwen3-8B?"}},
	{"model: meta-llama/Llama-3.1-405B-Instruct\ntopology: 2x2x1", []string{
		"config sglang-tpu:model: meta-llama/Llama-3.1-405B-Instruct needs 756 GiB of HBM for its weights; topology 2x2x1 leaves 676 GiB; use 2x2x2",
		"config sglang-tpu:hfToken: is empty, but meta-llama/Llama-3.1-405B-Instruct is a gated model on Hugging Face",
	}},
	{`model: google/gemma-2-27b-it`, []string{"config sglang-tpu:hfToken: is empty, but google/gemma-2-27b-it is a gated model on Hugging Face; accept its licence there, then run: pulumi config set --secret hfToken hf_..."}},
	{"model: deepseek-ai/DeepSeek-V3\ntopology: 1x1x1", []string{"config sglang-tpu:model: deepseek-ai/DeepSeek-V3 needs attention tensor parallelism of exactly 8; topology 1x1x1 has 2 devices; use 2x2x2"}},
	{"model: Qwen/Qwen3-235B-A22B\ntopology: 1x1x1", []string{"needs 438 GiB of HBM for its weights; topology 1x1x1 leaves 169 GiB; use 2x2x1"}},
	{"model: Qwen/Qwen2.5-Coder-32B-Instruct\ncustomModel: {heads: 32}", []string{"config sglang-tpu:customModel: describes Qwen/Qwen2.5-Coder-32B-Instruct, whose numbers are in the catalogue; remove it"}},
	{"model: my-org/my-model\ncustomModel: {heads: 32}", []string{`config sglang-tpu:customModel.weightsGiB: "0" is too small; use the model's own value, 1 or more`, `config sglang-tpu:customModel.context: "0"`}},
	{"model: my-org/my-model\ncustomModel: {heads: 32, weightsGiB: 9000, context: 4096}", []string{"my-org/my-model needs 9000 GiB of HBM for its weights"}},
	{"model: my-model\ncustomModel: {heads: 32, weightsGiB: 9, context: 4096}", []string{`config sglang-tpu:model: "my-model" is not a Hugging Face id; use OWNER/NAME`}},

	// Replicas and other numbers.
	{`replicas: -1`, []string{`config sglang-tpu:replicas: "-1" is out of range; use 0 to 100 groups`}},
	{`replicas: two`, []string{`config sglang-tpu:replicas: "two" is not a whole number; use digits only`}},
	{`replicas: "1 "`, []string{`config sglang-tpu:replicas: "1 " is not a whole number`}},
	{`replicas: 101`, []string{`config sglang-tpu:replicas: "101" is out of range`}},
	{`readyMinutes: 20000`, []string{`config sglang-tpu:readyMinutes: "20000" is out of range; use 0 to 10080 minutes`}},
	{`protect: maybe`, []string{`config sglang-tpu:protect: "maybe" is neither true nor false`}},

	// Capacity.
	{`capacity: {mode: cheap}`, []string{`config sglang-tpu:capacity.mode: "cheap" is not a capacity mode; use spot, on-demand, reservation or flex-start`}},
	{`capacity: {mode: ""}`, []string{"config sglang-tpu:capacity.mode: is not a capacity mode"}},
	{`capacity: {mode: spot, reservation: mine}`, []string{`config sglang-tpu:capacity.reservation: "mine" is allowed only with mode reservation, and mode is spot; remove it, or set mode to reservation`}},
	{`capacity: {mode: reservation}`, []string{"config sglang-tpu:capacity.reservation: is empty, but mode is reservation; name the reservation"}},
	{`capacity: {mode: reservation, reservation: a/b}`, []string{`config sglang-tpu:capacity.reservation: "a/b" is not a reservation's name; use NAME`}},
	{`capacity: {mode: flex-start, maxRunDuration: 169h}`, []string{`config sglang-tpu:capacity.maxRunDuration: "169h" is out of range: GKE keeps a flex-start node for at most seven days; use 10m to 168h`}},
	{`capacity: {mode: flex-start, maxRunDuration: 3 days}`, []string{`config sglang-tpu:capacity.maxRunDuration: "3 days" is not a duration; use one such as 72h`}},
	{`capacity: {mode: on-demand, maxRunDuration: 72h}`, []string{"is allowed only with mode flex-start, and mode is on-demand; remove it"}},
	{`capacity: {mod: spot}`, []string{"config sglang-tpu:capacity.mod: is not a setting (did you mean mode?)"}},
	{`capacity: spot`, []string{`config sglang-tpu:capacity: "spot" is not an object; set its fields one by one`}},

	// Image.
	{`image: {source: docker}`, []string{`config sglang-tpu:image.source: "docker" is not an image source; use build, mirror or prebuilt`}},
	{`image: {source: mirror, version: latest}`, []string{`config sglang-tpu:image.version: "latest" can move, so the pods of one group may run different images; use a version such as v0.1.0`}},
	{`cache: {mode: ram}`, []string{`config sglang-tpu:cache.mode: "ram" is not a cache mode; use gcs or disk`}},
	{`cache: {sizeGiB: 500}`, []string{`config sglang-tpu:cache.sizeGiB: "500" is allowed only with mode disk, and mode is gcs`}},
	{`image: {keepDays: 30}`, []string{`config sglang-tpu:image.keepDays: "30" has no effect: image tags are immutable`}},
	{`image: {source: prebuilt}`, []string{"config sglang-tpu:image.reference: is empty, but source is prebuilt"}},
	{`image: {source: build, commit: main}`, []string{`config sglang-tpu:image.commit: "main" is not a commit: a branch or tag moves`}},
	{`image: {source: build, repository: "git@github.com:a/b"}`, []string{"config sglang-tpu:image.repository:", "is not an https address"}},
	{`image: {repository: "https://github.com/a/b.git"}`, []string{"config sglang-tpu:image.commit: is empty, but image.repository is set"}},
	{`image: {source: build, reference: a/b}`, []string{`config sglang-tpu:image.reference: "a/b" is allowed only with source prebuilt`}},

	// Network.
	{`network: {pods: 10.4.0.0}`, []string{`config sglang-tpu:network.pods: "10.4.0.0" is not an IPv4 range in CIDR notation`}},
	{`network: {pods: 10.4.0.1/14}`, []string{"whose host bits are zero"}},
	{`network: {pods: 10.0.0.0/14}`, []string{`config sglang-tpu:network.pods: "10.0.0.0/14" overlaps sglang-tpu:network.nodes (10.0.0.0/20); use ranges that share no address`}},
	{`network: {controlPlane: 172.16.0.0/24}`, []string{`config sglang-tpu:network.controlPlane: "172.16.0.0/24" is not a /28`}},
	{`network: {authorizedNetworks: ["0.0.0.0/0"]}`, []string{`config sglang-tpu:network.authorizedNetworks[0]: "0.0.0.0/0" opens the control plane to every address; name your own ranges`}},
	{`network: {authorizedNetworks: [home]}`, []string{`"home" is not a range in CIDR notation`}},
	{`network: {authorizedNetworks: 203.0.113.7/32}`, []string{"config sglang-tpu:network.authorizedNetworks:", "has the wrong type; it must be a list"}},

	// Cluster.
	{`gke: {releaseChannel: LATEST}`, []string{`config sglang-tpu:gke.releaseChannel: "LATEST" is not a release channel; use RAPID, REGULAR or STABLE`}},
	{`gke: {minVersion: "1.33"}`, []string{`config sglang-tpu:gke.minVersion: "1.33" does not support tpu7x, which needs 1.34.0-gke.2201000; use 1.35 or newer`}},
	{`maintenance: {window: {days: [Sunday]}}`, []string{`config sglang-tpu:maintenance.window.hours: "4" is too short for the days of the window: GKE requires at least 48 hours in 32 days; use at least 12 hours, or more days`}},
	{`maintenance: {exclusions: [{name: launch, start: 2026-12-02, end: 2026-12-01}]}`, []string{"config sglang-tpu:maintenance.exclusions[0].end:", "is not after the start; use a later date"}},
	{`systemPool: {nodes: 0}`, []string{`config sglang-tpu:systemPool.nodes: "0" is out of range; use 1 to 100 nodes`}},
	{`systemPool: {machineType: ""}`, []string{"config sglang-tpu:systemPool.machineType: is empty; use a machine type such as e2-standard-8"}},
	{`labels: {Team: a}`, []string{`config sglang-tpu:labels.Team: "a" is not a Google Cloud label; use at most 63 lower-case letters`}},
	{`leaderWorkerSet: ` + strings.Repeat("a", 51), []string{"has 51 characters, and the names that the controller derives from it would be too long; use at most 50"}},
	{"replicas: 100\nleaderWorkerSet: " + strings.Repeat("a", 50), []string{"use at most 49"}},
	{`leaderWorkerSet: sglang-leader-tpu`, []string{"is the name of the leaders' Service"}},

	// Storage.
	{"model: Qwen/Qwen2.5-Coder-32B-Instruct\ncache: {mode: disk, sizeGiB: 61}", []string{`config sglang-tpu:cache.sizeGiB: "61" does not hold the weights of Qwen/Qwen2.5-Coder-32B-Instruct, which are 61 GiB on every host; use 122`}},
	{`cache: {sizeGiB: big}`, []string{`config sglang-tpu:cache.sizeGiB: "big" has the wrong type; it must be a whole number`}},
	{`cache: {mode: disk, throughputMiB: 9000}`, []string{`config sglang-tpu:cache.throughputMiB: "9000" is out of range; use 140 to 2400`}},

	// Secrets.
	{`hfToken: hf_in_plain_text`, []string{"config sglang-tpu:hfToken: is stored in plain text; run: pulumi config set --secret sglang-tpu:hfToken"}},
	{`apiKey: in-plain-text`, []string{"config sglang-tpu:apiKey: is stored in plain text"}},

	// Server arguments.
	{`serverArguments: [--tp-size, "8"]`, []string{`config sglang-tpu:serverArguments: "--tp-size" cannot be set: it is the number of devices of the topology`}},
	{`serverArguments: [--dp-size=1]`, []string{`config sglang-tpu:serverArguments: "--dp-size" cannot be set: it follows from the model's attention heads and the devices`}},
	{`serverArguments: [--dp, "1"]`, []string{`"--dp" is ambiguous: it could be --dp-size or --dp-schedule-policy; write one of them in full`}},
	{`serverArguments: [--node-rank, "0"]`, []string{`"--node-rank" cannot be set: it is the pod's index in its group`}},
	{`serverArguments: [--api-key, sk-1]`, []string{"it would be in plain text in the pods; run: pulumi config set --secret sglang-tpu:apiKey KEY"}},
	{`serverArguments: [--port, "80"]`, []string{`"--port" cannot be set: probes and the Service use this port`}},
	{`serverArguments: ["4096"]`, []string{`config sglang-tpu:serverArguments: "4096" comes before any flag`}},
	{`serverArguments: [--chunked-prefill-size, "1000"]`, []string{"--chunked-prefill-size 1000 is not a multiple of --page-size 128; use 1024"}},
	{"model: Qwen/Qwen3-Coder-30B-A3B-Instruct\nserverArguments: [--page-size, \"1\"]", []string{"--page-size 1 leaves no room for a request with a context of 262144 tokens; use 128"}},
	{"model: Qwen/Qwen2.5-Coder-32B-Instruct\nserverArguments: [--context-length, \"65536\"]", []string{"--context-length 65536 is more than the 32768 tokens that the positions of Qwen/Qwen2.5-Coder-32B-Instruct allow; use a smaller number, or scale the positions"}},
	{`serverArguments: [--enable-metricss, --kv-cache-dtype, fp8, --random-seed, x]`, []string{
		`"--enable-metricss" is not an argument of the server (did you mean --enable-metrics?)`, `--kv-cache-dtype "fp8" is not one of its choices`, `--random-seed "x" is not a whole number`,
	}},
	{"model: Qwen/Qwen2.5-Coder-32B-Instruct\nserverArguments: [--max-running-requests, \"1\"]", []string{"--max-running-requests 1 is less than the data parallelism of 2"}},
	{`serverEnvironment: {HF_TOKEN: hf_x}`, []string{"config sglang-tpu:serverEnvironment.HF_TOKEN: cannot be set"}},
	{"model: Qwen/Qwen2.5-Coder-32B-Instruct\nserverArguments: [--mem-fraction-static, \"0.05\"]", []string{"needs 61 GiB of HBM for its weights; topology 2x2x2 leaves 38 GiB"}},

	// Several errors, including wrong types.
	{"replicas: two\nprotect: maybe\ncapacity: spot\nlabels: 7", []string{
		"config sglang-tpu:replicas:", "config sglang-tpu:protect:", "config sglang-tpu:capacity:", "config sglang-tpu:labels:",
	}},
	{"model: gpt-4\ntopology: 2x2\nreplicas: -1\ncapacity: {mode: cheap}\nnetwork: {pods: x}\ngke: {minVersion: latest}\nmode1: x", []string{
		"config sglang-tpu:model:", "config sglang-tpu:topology:", "config sglang-tpu:replicas:", "config sglang-tpu:capacity.mode:",
		"config sglang-tpu:network.pods:", "config sglang-tpu:gke.minVersion:", "config sglang-tpu:mode1:",
	}},
}
