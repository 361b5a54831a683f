package serverargs

import "strconv"

// Port of the model server, which probes, the Service and the NetworkPolicy use.
const Port = 8000

// Flags that the program sets, and reads in other places.
const (
	ModelFlag      = "--model-path"
	RevisionFlag   = "--revision"
	RemoteCodeFlag = "--trust-remote-code"
)

// DefaultRevision of a repository is the Hub's own, so it is not passed to the server.
const DefaultRevision = "main"

// Launch returns the arguments of every rank, without those of the plan and the user's; the
// launch script adds rank and rendezvous. Names of flags are in full, because --dp and --ep
// are ambiguous. If remoteCode is true, the server may run code from the model's repository.
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
