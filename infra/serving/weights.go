package serving

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sglang-tpu/spec/serverargs"
)

// onHub tells a repository of the Hub from a path in the container.
var onHub = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+$`)

// repositories are what the server will look for, each once, as OWNER/NAME@REVISION.
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
		// NAME=PATH, or PATH; the server asks for no revision (lora_config.py).
		if _, path, named := strings.Cut(adapter, "="); named {
			adapter = path
		}
		add(strings.TrimSpace(adapter), serverargs.DefaultRevision)
	}
	return all
}

// tokenizer is what the launch script finds the tokenizer's folder by, if it is the
// model's own and not of main, which the server would take; else it is empty.
func (a *Args) tokenizer() string {
	other, given := a.Arguments.Value(serverargs.TokenizerFlag)
	if a.revision() == serverargs.DefaultRevision || given && other != a.model() {
		return ""
	}
	return a.model() + "@" + a.revision()
}

// model is the Hugging Face id of the model.
func (a *Args) model() string {
	id, _ := a.Arguments.Value(serverargs.ModelFlag)
	return id
}

// revision is that of the model's repository: a commit, tag or branch.
func (a *Args) revision() string {
	if revision, ok := a.Arguments.Value(serverargs.RevisionFlag); ok {
		return revision
	}
	return serverargs.DefaultRevision
}

// compiledCode is the folder of the code that XLA compiles. Its name is a hash of what
// changes that code, so that nothing else is ever looked for among it, and a folder that
// no configuration names any longer can be deleted.
func (a *Args) compiledCode() string {
	parts := []string{a.Image, a.Topology.String(), strings.Join(a.Arguments.Words(), "\x00")}
	for _, name := range slices.Sorted(maps.Keys(a.Environment)) {
		parts = append(parts, name+"="+a.Environment[name])
	}
	// Encoding cannot fail for strings.
	text, _ := json.Marshal(parts)
	sum := sha256.Sum256(text)
	return cachePath + "/jax/" + hex.EncodeToString(sum[:])[:12]
}

// downloadName is that of the Job: other repositories are another Job, and so is another
// image, because a Job's pods cannot change. What is in the bucket already it only counts.
func (a *Args) downloadName() string {
	sum := sha256.Sum256([]byte(a.Image + " " + strings.Join(a.repositories(), " ")))
	return "download-" + hex.EncodeToString(sum[:])[:8]
}
