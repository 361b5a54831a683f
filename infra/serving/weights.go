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

// defaultRevision is the Hub's own.
const defaultRevision = "main"

// onHub tells a repository of the Hub from a path in the container.
var onHub = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+$`)

// repositories are what the server will look for, each once, as OWNER/NAME@REVISION.
func (a *Args) repositories() []string {
	all := []string{a.ModelID + "@" + a.revision()}
	add := func(repository, revision string) {
		if found := repository + "@" + revision; onHub.MatchString(repository) && !slices.Contains(all, found) {
			all = append(all, found)
		}
	}
	given := a.serverList()
	if tokenizer, ok := given.Value(serverargs.TokenizerFlag); ok && tokenizer != a.ModelID {
		add(tokenizer, defaultRevision)
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
		add(strings.TrimSpace(adapter), defaultRevision)
	}
	return all
}

// tokenizer is what the launch script finds the tokenizer's folder by, if it is the
// model's own and not of main, which the server would take; else it is empty.
func (a *Args) tokenizer() string {
	words := a.serverWords()
	at := slices.Index(words, "--tokenizer-path") + 1
	if a.revision() == defaultRevision || at > 0 && at < len(words) && words[at] != a.ModelID {
		return ""
	}
	return a.ModelID + "@" + a.revision()
}

func (a *Args) revision() string {
	if a.Revision == "" {
		return defaultRevision
	}
	return a.Revision
}

// serverList are the arguments of every rank.
func (a *Args) serverList() serverargs.List { return serverArguments(a).Merge(a.Arguments) }

// serverWords are the same as the container has them.
func (a *Args) serverWords() []string { return a.serverList().Words() }

// compiledCode is the folder of the code that XLA compiles. Its name is a hash of what
// changes that code, so that nothing else is ever looked for among it, and a folder that
// no configuration names any longer can be deleted.
func (a *Args) compiledCode() string {
	parts := []string{a.Image, a.Topology.String(), strings.Join(a.serverWords(), "\x00")}
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
