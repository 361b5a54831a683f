package serving

import (
	_ "embed"
	"strconv"

	"sglang-tpu/spec/serverargs"
)

var (
	// hubScript is what other scripts begin with that look into the Hub's cache.
	//
	//go:embed hub.sh
	hubScript string

	//go:embed launch.sh
	launchBody string

	// launchScript is run by bash, with the server's arguments as its own.
	launchScript = hubScript + launchBody
)

// awaitScript is run by bash in a worker before its server.
//
//go:embed await.sh
var awaitScript string

const (
	// Port of the model server, and of the Service.
	Port = 8000
	// rendezvousPort and the two that sglang-jax derives from it, +5 and +6.
	rendezvousPort = 20000
)

// serverArguments are what every rank is started with; the launch script adds rank and
// rendezvous. Full flag names only: --dp and --ep are ambiguous.
func serverArguments(args *Args) serverargs.List {
	words := []string{
		"--model-path", args.ModelID,
		"--served-model-name", args.ModelID,
	}
	if !args.NoRemoteCode {
		words = append(words, "--trust-remote-code")
	}
	words = append(words,
		"--device", "tpu",
		"--dtype", "bfloat16",
		"--host", "0.0.0.0",
		"--port", strconv.Itoa(Port),
		"--random-seed", "0",
		// The default of 300 s ends a server that compiles for longer.
		"--watchdog-timeout", "1200",
	)
	if args.revision() != defaultRevision {
		words = append(words, "--revision", args.revision())
	}
	return serverargs.Ours(append(words, args.Plan...))
}
