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

// Launch contains the values from which the arguments of every rank follow, in addition to the
// plan and the user's own arguments.
type Launch struct {
	Model      string // id on Hugging Face
	Revision   string // a commit, tag or branch
	RemoteCode bool   // whether the server may run code from the model's repository
}

// Arguments returns the arguments of every rank; the launch script adds rank and rendezvous.
// Names of flags are in full, because --dp and --ep are ambiguous.
func (l Launch) Arguments() List {
	a := List{}.With(ModelFlag, l.Model).With("--served-model-name", l.Model)
	if l.RemoteCode {
		a = a.With(RemoteCodeFlag)
	}
	a = a.With("--device", "tpu").With("--dtype", "bfloat16").
		With("--host", "0.0.0.0").With("--port", strconv.Itoa(Port)).
		With("--random-seed", "0").
		// The default of 300 s ends a server that compiles for longer.
		With("--watchdog-timeout", "1200")
	if l.Revision != DefaultRevision {
		a = a.With(RevisionFlag, l.Revision)
	}
	return a
}
