package kube

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
)

// encryptionFile is the file with the API server's encryption configuration.
const encryptionFile = "encryption.json"

// encryptSecrets configures the API server to encrypt Secrets in etcd, as GKE does. A resumed
// cluster uses its existing key.
func (c *controlPlane) encryptSecrets() error {
	if _, err := os.Stat(c.file(encryptionFile)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	rand.Read(key)
	text, err := json.Marshal(map[string]any{
		"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
		"resources": []any{map[string]any{
			"resources": []string{"secrets"},
			"providers": []any{
				map[string]any{"secretbox": map[string]any{"keys": []any{
					map[string]any{"name": "cluster", "secret": base64.StdEncoding.EncodeToString(key)},
				}}},
				map[string]any{"identity": map[string]any{}}, // reads the plain data of earlier versions
			},
		}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(c.file(encryptionFile), text, 0o600)
}
