package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"sigs.k8s.io/yaml"
)

// placeholders replaces the values in checked-in environments that users must fill in, and
// that the program rejects.
var placeholders = strings.NewReplacer("your-project-id", "emulated-project", "your-reservation", "emulated-reservation")

// overlay adds the salt and settings (KEY=VALUE) to a stack's configuration, and replaces
// encrypted values and placeholders. A value that is valid JSON is parsed, so that it can be an
// object or a number.
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
	if _, err := standIn(values, salt); err != nil {
		return nil, err
	}
	file["config"] = values
	file["encryptionsalt"] = salt
	delete(file, "secretsprovider")
	delete(file, "encryptedkey")
	return yaml.Marshal(file)
}

// secretFor returns a substitute for an encrypted value, which only the real stack's secrets
// provider can decrypt. Different ciphertexts have different substitutes, so that a preview
// shows that a secret changes.
func secretFor(ciphertext any) string {
	return fmt.Sprintf("hf_stands_in_for_a_secret_%.4x", sha256.Sum256(fmt.Append(nil, ciphertext)))
}

// standIn recursively replaces placeholders, and replaces encrypted values by substitutes that
// are encrypted for the emulator's stack.
func standIn(at any, salt string) (any, error) {
	var err error
	switch at := at.(type) {
	case map[string]any:
		if ciphertext, ok := at["secure"]; ok && len(at) == 1 {
			text, err := encrypt(secretFor(ciphertext), salt)
			return map[string]any{"secure": text}, err
		}
		for key := range at {
			if at[key], err = standIn(at[key], salt); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range at {
			if at[i], err = standIn(at[i], salt); err != nil {
				return nil, err
			}
		}
	case string:
		return placeholders.Replace(at), nil
	}
	return at, nil
}

// encrypt encrypts a value like pulumi config set --secret, with the emulator's passphrase. The
// salt has the form v1:BASE64:CHECK.
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
