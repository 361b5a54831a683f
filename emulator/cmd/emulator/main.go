// Command emulator is GKE with TPU v7x on one machine. It is one binary with many
// roles, told apart by the name under which it is started.
package main

import (
	"os"
	"path/filepath"

	"sglang-tpu/emulator/internal/core/daemon"
	"sglang-tpu/emulator/internal/core/gcpplugin"
	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/guests/builder"
	"sglang-tpu/emulator/internal/guests/hub"
	"sglang-tpu/emulator/internal/guests/sgljax"
	"sglang-tpu/emulator/internal/pace"
	"sglang-tpu/emulator/internal/review/command"
	"sglang-tpu/emulator/internal/sandbox"
)

func main() {
	args := os.Args[1:]
	switch filepath.Base(os.Args[0]) {
	case "pulumi-resource-gcp":
		os.Exit(gcpplugin.Main())
	case "gke-gcloud-auth-plugin":
		os.Exit(kube.AuthPluginMain(args))
	case "python3":
		os.Exit(sgljax.Main(args))
	case "hf":
		os.Exit(hub.CLI(args))
	case "getent":
		os.Exit(sgljax.Getent(args))
	case "sleep":
		os.Exit(pace.Sleep(args))
	case "wget":
		os.Exit(builder.Wget(args))
	case "buildctl-daemonless.sh":
		os.Exit(builder.Buildctl(args))
	}
	if len(args) == 1 && args[0] == "daemon" {
		os.Exit(daemon.Main())
	}
	os.Exit(sandbox.Main(args, map[string]sandbox.Command{"review": command.Run}))
}
