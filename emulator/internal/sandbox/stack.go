package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"sigs.k8s.io/yaml"
)

// project is Pulumi.yaml's name; the backend files its stacks under it.
const project = "sglang-tpu"

func (c *CLI) backend() string { return filepath.Join(c.Layout.Pulumi(), "state") }

// configFile is the stack's configuration as the emulator uses it: a copy, so that
// neither an encryption salt nor an emulator's address gets into a tracked file.
func (c *CLI) configFile(stack string) string {
	return filepath.Join(c.Layout.Pulumi(), "Pulumi."+stack+".yaml")
}

func (c *CLI) stateFile(stack string) string {
	return filepath.Join(c.backend(), ".pulumi", "stacks", project, stack+".json")
}

// prepare makes the stack if it is new, and lays its configuration out afresh from
// the checkout's Pulumi.<stack>.yaml.
func (c *CLI) prepare(ctx context.Context, o options) error {
	source := filepath.Join(c.Program, "Pulumi."+o.Stack+".yaml")
	text, err := os.ReadFile(source)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no stack %q: %s does not exist", o.Stack, source)
	}
	if err != nil {
		return err
	}
	for _, dir := range []string{c.backend(), c.Layout.PulumiHome(), c.Layout.Tmp()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	salt, err := c.salt(ctx, o.Stack)
	if err != nil {
		return err
	}
	merged, err := overlay(text, salt, append([]string{"sglang-tpu:lwsChart=" + c.Layout.LWSChart()}, o.Config...))
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	return os.WriteFile(c.configFile(o.Stack), merged, 0o600)
}

// salt makes the stack in the emulator's backend and returns the encryption salt of
// its secrets. The CLI writes the salt beside the project file it finds, so it is run
// in a folder with a project file of its own.
func (c *CLI) salt(ctx context.Context, stack string) (string, error) {
	home := filepath.Join(c.Layout.Pulumi(), "project")
	file := filepath.Join(home, "Pulumi."+stack+".yaml")
	if _, err := os.Stat(c.stateFile(stack)); errors.Is(err, os.ErrNotExist) {
		if err := os.RemoveAll(file); err != nil {
			return "", err
		}
		if err := os.MkdirAll(home, 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(home, "Pulumi.yaml"), []byte("name: "+project+"\nruntime: go\n"), 0o600); err != nil {
			return "", err
		}
		cmd := c.command(ctx, stack, "stack", "init", stack, "--secrets-provider", "passphrase")
		cmd.Dir = home
		cmd.Env = without(cmd.Env, "PULUMI_STACK", "PULUMI_OPTION_CONFIG_FILE")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("pulumi stack init %s: %w\n%s", stack, err, out)
		}
	}
	var parsed struct {
		EncryptionSalt string `json:"encryptionsalt"`
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if err := yaml.Unmarshal(text, &parsed); err != nil {
		return "", err
	}
	return parsed.EncryptionSalt, nil
}

// filled are the values that the checked-in environments leave to their user, whom the
// program asks for them, with what the emulator has in their place.
var filled = strings.NewReplacer("your-project-id", "emulated-project", "your-reservation", "emulated-reservation")

// fill puts the emulator's values in the place of what stands for the user's, at any depth.
func fill(at any) any {
	switch at := at.(type) {
	case map[string]any:
		for key, value := range at {
			at[key] = fill(value)
		}
	case []any:
		for i, value := range at {
			at[i] = fill(value)
		}
	case string:
		return filled.Replace(at)
	}
	return at
}

// overlay adds the salt and the settings (KEY=VALUE) to a stack's configuration. A
// value that is JSON is taken as such, so that objects and numbers can be given.
// Encrypted values and what stands for the user's own get stand-ins.
func overlay(text []byte, salt string, settings []string) ([]byte, error) {
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if file == nil {
		file = map[string]any{}
	}
	values, _ := file["config"].(map[string]any)
	if values == nil {
		values = map[string]any{}
	}
	for _, setting := range settings {
		key, value, ok := strings.Cut(setting, "=")
		if !ok || !strings.Contains(key, ":") {
			return nil, fmt.Errorf("setting %q is not KEY=VALUE with the key's namespace, such as sglang-tpu:replicas=2", setting)
		}
		var parsed any
		if json.Unmarshal([]byte(value), &parsed) != nil {
			parsed = value
		}
		values[key] = parsed
	}
	fill(values)
	if err := standIn(values, salt); err != nil {
		return nil, err
	}
	file["config"] = values
	file["encryptionsalt"] = salt
	delete(file, "secretsprovider")
	delete(file, "encryptedkey")
	return yaml.Marshal(file)
}

// secret takes the place of an encrypted value: only the real stack's secrets provider
// could tell what that is, and the emulator has no business asking. Another ciphertext
// has another stand-in, so that a preview shows that a secret changes.
func secret(ciphertext any) string {
	return fmt.Sprintf("hf_stands_in_for_a_secret_%.4x", sha256.Sum256(fmt.Append(nil, ciphertext)))
}

// standIn replaces encrypted values at any depth by their stand-ins, which are
// encrypted for the emulator's stack.
func standIn(at map[string]any, salt string) error {
	for key, value := range at {
		switch value := value.(type) {
		case map[string]any:
			ciphertext, encrypted := value["secure"]
			if !encrypted || len(value) != 1 {
				if err := standIn(value, salt); err != nil {
					return err
				}
				continue
			}
			text, err := encrypt(secret(ciphertext), salt)
			if err != nil {
				return err
			}
			at[key] = map[string]any{"secure": text}
		case []any:
			for i, element := range value {
				held := map[string]any{key: element}
				if err := standIn(held, salt); err != nil {
					return err
				}
				value[i] = held[key]
			}
		}
	}
	return nil
}

// encrypt is what pulumi config set --secret does, with the emulator's passphrase. The
// salt is v1:BASE64:CHECK.
func encrypt(text, salt string) (string, error) {
	parts := strings.Split(salt, ":")
	if len(parts) < 2 {
		return "", fmt.Errorf("the emulator's stack has a salt that cannot be read: %q", salt)
	}
	raw, err := base64.StdEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("the emulator's stack has a salt that cannot be read: %w", err)
	}
	return config.NewSymmetricCrypterFromPassphrase(passphrase, raw).EncryptValue(context.Background(), text)
}

func without(env []string, names ...string) []string {
	var kept []string
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		drop := false
		for _, n := range names {
			drop = drop || n == name
		}
		if !drop {
			kept = append(kept, pair)
		}
	}
	return kept
}

// checkpoint is the part of Pulumi's state file that the emulator looks at.
type checkpoint struct {
	Checkpoint struct {
		Latest struct {
			Resources []struct {
				URN  string `json:"urn"`
				ID   string `json:"id"`
				Type string `json:"type"`

				Protect    bool     `json:"protect"`
				InitErrors []string `json:"initErrors"` // of a create or update that failed
			} `json:"resources"`
			Pending []struct {
				Type     string `json:"type"`
				Resource struct {
					URN    string         `json:"urn"`
					Type   string         `json:"type"`
					Inputs map[string]any `json:"inputs"`
				} `json:"resource"`
			} `json:"pending_operations"`
		} `json:"latest"`
	} `json:"checkpoint"`
}

// state reads a stack's checkpoint; a stack that does not exist has an empty one.
func (c *CLI) state(stack string) (checkpoint, error) {
	var cp checkpoint
	text, err := os.ReadFile(c.stateFile(stack))
	if errors.Is(err, os.ErrNotExist) {
		return cp, nil
	}
	if err != nil {
		return cp, err
	}
	return cp, json.Unmarshal(text, &cp)
}

// stacks names every stack in the backend that still has resources.
func (c *CLI) stacks() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(c.backend(), ".pulumi", "stacks", project, "*.json"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		cp, err := c.state(name)
		if err != nil {
			return nil, err
		}
		if len(cp.Checkpoint.Latest.Resources)+len(cp.Checkpoint.Latest.Pending) > 0 {
			names = append(names, name)
		}
	}
	return names, nil
}
