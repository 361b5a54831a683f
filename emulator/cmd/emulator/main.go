// Command emulator emulates GKE with TPU v7x on one machine. The name under which the binary is
// started selects the program that it runs.
package main

import (
	"os"
	"path/filepath"

	"sglang-tpu/emulator/internal/core/daemon"
	"sglang-tpu/emulator/internal/core/gcpplugin"
	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/guests"
	"sglang-tpu/emulator/internal/proof/bench"
	"sglang-tpu/emulator/internal/proof/chaos"
	"sglang-tpu/emulator/internal/proof/faults"
	"sglang-tpu/emulator/internal/review/command"
	"sglang-tpu/emulator/internal/sandbox"
)

func main() {
	args := os.Args[1:]
	name := filepath.Base(os.Args[0])
	switch name {
	case "pulumi-resource-gcp":
		os.Exit(gcpplugin.Main())
	case "gke-gcloud-auth-plugin":
		os.Exit(kube.AuthPluginMain(args))
	}
	if program := guests.Programs()[name]; program != nil {
		os.Exit(program(args))
	}
	if len(args) == 1 && args[0] == "daemon" {
		os.Exit(daemon.Main())
	}
	os.Exit(sandbox.Main(args, map[string]sandbox.Command{"review": command.Run, "faults": faults.Run, "bench": bench.Run, "chaos": chaos.Run}))
}
