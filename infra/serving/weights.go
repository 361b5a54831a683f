package serving

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sglang-tpu/spec/serverargs"
)

// onHub distinguishes a repository of the Hub from a path in the container.
var onHub = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+$`)

// repositories returns the repositories that the server needs, without duplicates, as
// OWNER/NAME@REVISION.
func (a *Args) repositories() []string {
	given, model := a.Arguments, a.model()
	all := []string{model + "@" + a.revision()}
	add := func(repository, revision string) {
		if found := repository + "@" + revision; onHub.MatchString(repository) && !slices.Contains(all, found) {
			all = append(all, found)
		}
	}
	if tokenizer, ok := given.Value(serverargs.TokenizerFlag); ok && tokenizer != model {
		add(tokenizer, serverargs.DefaultRevision)
	}
	if draft, ok := given.Value(serverargs.DraftFlag); ok {
		revision, ok := given.Value(serverargs.DraftRevisionFlag)
		if !ok {
			// ModelConfig.from_server_args: model_revision or server_args.revision.
			revision = a.revision()
		}
		add(draft, revision)
	}
	for _, adapter := range given.Values(serverargs.LoRAFlag) {
		// NAME=PATH, or PATH; the server uses the default revision (lora_config.py).
		if _, path, named := strings.Cut(adapter, "="); named {
			adapter = path
		}
		add(strings.TrimSpace(adapter), serverargs.DefaultRevision)
	}
	return all
}

// tokenizer returns the model's repository and revision if the launch script has to pass
// the tokenizer's folder, because the server would use the tokenizer of main; otherwise it
// is empty.
func (a *Args) tokenizer() string {
	other, given := a.Arguments.Value(serverargs.TokenizerFlag)
	if a.revision() == serverargs.DefaultRevision || given && other != a.model() {
		return ""
	}
	return a.model() + "@" + a.revision()
}

// model returns the Hugging Face id of the model.
func (a *Args) model() string {
	id, _ := a.Arguments.Value(serverargs.ModelFlag)
	return id
}

// revision returns the revision of the model's repository: a commit, tag or branch.
func (a *Args) revision() string {
	if revision, ok := a.Arguments.Value(serverargs.RevisionFlag); ok {
		return revision
	}
	return serverargs.DefaultRevision
}

// compiledCode returns the folder of the code that XLA compiles. Its name is a hash of
// everything that changes this code, so that a folder which no configuration uses any
// longer can be deleted.
func (a *Args) compiledCode() string {
	parts := []string{a.Image, a.Topology.String(), strings.Join(a.Arguments.Words(), "\x00")}
	for _, name := range slices.Sorted(maps.Keys(a.Environment)) {
		parts = append(parts, name+"="+a.Environment[name])
	}
	// Encoding strings cannot fail.
	text, _ := json.Marshal(parts)
	return cachePath + "/jax/" + fmt.Sprintf("%x", sha256.Sum256(text))[:12]
}

// downloadName returns the name of the Job. Different repositories or a different image
// need a different Job, because a Job's pods cannot change. A new Job does not download
// files again that are in the bucket.
func (a *Args) downloadName() string {
	sum := sha256.Sum256([]byte(a.Image + " " + strings.Join(a.repositories(), " ")))
	return "download-" + fmt.Sprintf("%x", sum)[:8]
}
