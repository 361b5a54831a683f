package serving

import _ "embed"

var (
	// hubScript is the beginning of the scripts that look into the Hub's cache.
	//
	//go:embed hub.sh
	hubScript string

	//go:embed launch.sh
	launchBody string

	// launchScript is run by bash. Its arguments are the server's.
	launchScript = hubScript + launchBody
)

// awaitScript is run by bash in a worker before its server.
//
//go:embed await.sh
var awaitScript string

// outliveScript is the preStop hook of a worker, run by bash.
//
//go:embed outlive.sh
var outliveScript string

// rendezvousPort is the port of the rendezvous. sglang-jax derives two more from it, +5 and
// +6.
const rendezvousPort = 20000
