package serving

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"sglang-tpu/infra/arguments"
)

// defaultRevision is the Hub's own.
const defaultRevision = "main"

// moreRepositories are the server's flags that name a repository beside the model.
var moreRepositories = []string{"--tokenizer-path", "--speculative-draft-model-path"}

// onHub tells a repository of the Hub from a path in the container.
var onHub = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+$`)

// repositories are what the server will look for, each as OWNER/NAME@REVISION.
func (a *Args) repositories() []string {
	all := []string{a.ModelID + "@" + a.revision()}
	words := a.serverWords()
	for _, flag := range moreRepositories {
		at := slices.Index(words, flag) + 1
		if at == 0 || at == len(words) || !onHub.MatchString(words[at]) || words[at] == a.ModelID {
			continue
		}
		all = append(all, words[at]+"@"+defaultRevision)
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

// serverWords are the arguments of every rank.
func (a *Args) serverWords() []string {
	return arguments.Merge(serverArguments(a.ModelID, a.revision(), a.Plan), a.Arguments)
}

// compiledCode is the folder of the code that XLA compiles. Its name is a hash of what
// changes that code, so that nothing else is ever looked for among it, and a folder that
// no configuration names any longer can be deleted.
func (a *Args) compiledCode() string {
	// Encoding cannot fail for strings.
	text, _ := json.Marshal([]string{a.Image, a.Topology.String(), strings.Join(a.serverWords(), "\x00")})
	sum := sha256.Sum256(text)
	return cachePath + "/jax/" + hex.EncodeToString(sum[:])[:12]
}

// downloadName is that of the Job: other repositories are another Job, and so is another
// image, because a Job's pods cannot change. What is in the bucket already it only counts.
func (a *Args) downloadName() string {
	sum := sha256.Sum256([]byte(a.Image + " " + strings.Join(a.repositories(), " ")))
	return "download-" + hex.EncodeToString(sum[:])[:8]
}
