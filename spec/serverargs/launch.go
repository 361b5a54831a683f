package serverargs

import "strconv"

// Port of the model server, which probes, the Service and the NetworkPolicy know.
const Port = 8000

// Flags that the program gives the server, and reads again.
const (
	ModelFlag      = "--model-path"
	RevisionFlag   = "--revision"
	RemoteCodeFlag = "--trust-remote-code"
)

// DefaultRevision of a repository is the Hub's own. The server is not told of it.
const DefaultRevision = "main"

// Launch is what every rank is started with, before what follows from the plan and what the
// user sets; the launch script adds rank and rendezvous. Names of flags are in full: --dp
// and --ep are ambiguous. The server may run code of the model's repository if remoteCode is
// true.
func Launch(model, revision string, remoteCode bool) List {
	l := List{}.With(ModelFlag, model).With("--served-model-name", model)
	if remoteCode {
		l = l.With(RemoteCodeFlag)
	}
	l = l.With("--device", "tpu").With("--dtype", "bfloat16").
		With("--host", "0.0.0.0").With("--port", strconv.Itoa(Port)).
		With("--random-seed", "0").
		// The default of 300 s ends a server that compiles for longer.
		With("--watchdog-timeout", "1200")
	if revision != DefaultRevision {
		l = l.With(RevisionFlag, revision)
	}
	return l
}
