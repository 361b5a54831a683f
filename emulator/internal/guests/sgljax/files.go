package sgljax

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sglang-tpu/emulator/internal/guests/guest"
	"sglang-tpu/emulator/internal/guests/hub"
)

// files loads the files of a model with huggingface_hub.
type files struct {
	*hub.Client
	model, tokenizer, revision string
	loaded                     *tokenizer
}

func (m *machine) files(a arguments) *files {
	return &files{Client: hub.InContainer(a["--download-dir"]), model: a["--model-path"], tokenizer: a.tokenizer(), revision: a["--revision"]}
}

// tokenizer returns the repository or path of the tokenizer.
func (a arguments) tokenizer() string { return cmp.Or(a["--tokenizer-path"], a["--model-path"]) }

// local reports whether a model is a path instead of a repository.
func local(model string) bool { return filepath.IsAbs(model) || strings.HasPrefix(model, ".") }

// isTokenizer matches the patterns of download_from_hf in hf_transformers_utils.py.
func isTokenizer(name string) bool {
	switch filepath.Ext(name) {
	case ".json", ".bin", ".model", ".py", ".tiktoken", ".jinja":
		return true
	}
	return false
}

func isConfiguration(name string) bool {
	return name == "config.json" || name == "generation_config.json"
}

func isWeights(name string) bool {
	return strings.HasSuffix(name, ".safetensors") || name == "model.safetensors.index.json"
}

// configuration loads the files that the server reads before it uses the chips: tokenizer and
// configuration.
func (f *files) configuration() error {
	if err := f.loadTokenizer(); err != nil {
		return err
	}
	folder := guest.FromEnv().Path(f.model)
	if !local(f.model) {
		var err error
		if folder, err = f.Snapshot(context.Background(), f.model, f.revision, isConfiguration); err != nil {
			return transformersError(err, f.model, f.revision)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "config.json")); err != nil {
		return unreachable(f.model, "config.json")
	}
	return nil
}

// loadTokenizer loads the tokenizer at main, whatever --revision is. If there is no such
// folder, get_tokenizer in hf_transformers_utils.py calls snapshot_download without a revision;
// later it passes the revision to transformers with the folder, where it has no effect.
// Configuration and weights use --revision.
func (f *files) loadTokenizer() error {
	folder := guest.FromEnv().Path(f.tokenizer)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() || !local(f.tokenizer) {
		if local(f.tokenizer) {
			return fmt.Errorf("huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '%s'. Use `repo_type` argument if needed.", f.tokenizer)
		}
		if folder, err = f.Snapshot(context.Background(), f.tokenizer, "main", isTokenizer); err != nil {
			return err
		}
	}
	loaded, err := readTokenizer(folder)
	if err != nil {
		return unreachable(f.tokenizer, "tokenizer.json")
	}
	f.loaded = loaded
	return nil
}

func unreachable(id, file string) error {
	return fmt.Errorf("OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the cached files.\n"+
		"Check your internet connection or see how to run the library in offline mode at 'https://huggingface.co/docs/transformers/installation#offline-mode'. (%s of %s)", file, id)
}

// transformersError returns the error for an exception of huggingface_hub. transformers raises
// another exception from it.
func transformersError(err error, id, revision string) error {
	var of *hub.Error
	if !errors.As(err, &of) {
		return err
	}
	words := unreachable(id, "config.json")
	switch {
	case strings.HasSuffix(of.Class, "GatedRepoError"):
		words = fmt.Errorf("OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/%s.\n%s", id, of.Text)
	case strings.HasSuffix(of.Class, "RepositoryNotFoundError"):
		words = fmt.Errorf("OSError: %s is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'\n"+
			"If this is a private repository, make sure to pass a token having permission to this repo either by logging in with `hf auth login` or by passing `token=<your_token>`", id)
	case strings.HasSuffix(of.Class, "RevisionNotFoundError"):
		words = fmt.Errorf("OSError: %s is not a valid git identifier (branch name, tag name or commit id) that exists for this model name. "+
			"Check the model page at 'https://huggingface.co/%s' for available revisions.", revision, id)
	case of.Class == "OSError":
		return err
	}
	return fmt.Errorf("%w\n\nThe above exception was the direct cause of the following exception:\n\n%w", err, words)
}

// weights loads the weights and checks that they are complete.
func (f *files) weights() error {
	if local(f.model) {
		return nil
	}
	folder, err := f.Snapshot(context.Background(), f.model, f.revision, isWeights)
	if err != nil {
		return err
	}
	if err := f.Complete(folder, f.model, f.revision); err != nil {
		return err
	}
	say("Load weight end. weights of %s from %s", f.model, folder)
	return nil
}
