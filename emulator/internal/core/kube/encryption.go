package kube

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
)

// encryptionFile is the API server's encryption configuration.
const encryptionFile = "encryption.json"

// encryptSecrets makes the API server encrypt Secrets before etcd writes them, as GKE's
// does. A cluster that is resumed keeps its key.
func (c *controlPlane) encryptSecrets() error {
	if _, err := os.Stat(c.file(encryptionFile)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
		"resources": []any{map[string]any{
			"resources": []string{"secrets"},
			"providers": []any{
				map[string]any{"secretbox": map[string]any{"keys": []any{
					map[string]any{"name": "cluster", "secret": base64.StdEncoding.EncodeToString(key)},
				}}},
				map[string]any{"identity": map[string]any{}}, // what an older emulator wrote
			},
		}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(c.file(encryptionFile), text, 0o600)
}
