package sgljax

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// additional loads the draft model and the LoRA adapters, which are in other repositories.
func (f *files) additional(a arguments) error {
	return errors.Join(f.draft(a), f.adapters(a))
}

// draft loads the draft model. Its revision defaults to the model's ("model_revision or
// server_args.revision" in ModelConfig.from_server_args).
func (f *files) draft(a arguments) error {
	path, revision := a["--speculative-draft-model-path"], cmp.Or(a["--speculative-draft-model-revision"], f.revision)
	if path == "" || local(path) || a["--speculative-algorithm"] == "" {
		return nil
	}
	folder, err := f.Snapshot(context.Background(), path, revision, isModelFile)
	if err != nil {
		return transformersError(err, path, revision)
	}
	if err := f.Complete(folder, path, revision); err != nil {
		return err
	}
	say("Load weight end. weights of the draft model %s from %s", path, folder)
	return nil
}

func isModelFile(name string) bool { return isConfiguration(name) || isWeights(name) }

// adapters loads the LoRA adapters, always at main: lora_config.py and lora.py pass no
// revision.
func (f *files) adapters(a arguments) error {
	for _, path := range strings.Fields(a["--lora-paths"]) {
		if _, after, named := strings.Cut(path, "="); named {
			path = after
		}
		if local(path) {
			continue
		}
		folder, err := f.Snapshot(context.Background(), path, "", func(name string) bool {
			return name == "adapter_config.json" || strings.HasSuffix(name, ".safetensors")
		})
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(folder, "adapter_config.json")); err != nil {
			return unreachable(path, "adapter_config.json")
		}
		say("Loading LoRA weights from %s (revision=default)", path)
	}
	return nil
}
