package kube

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
)

// encryptionFile is the file with the API server's encryption configuration.
const encryptionFile = "encryption.json"

// encryption is the configuration for a key. identity reads the plain data of earlier versions.
const encryption = `{
	"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
	"resources": [{
		"resources": ["secrets"],
		"providers": [{"secretbox": {"keys": [{"name": "cluster", "secret": "%s"}]}}, {"identity": {}}]
	}]
}`

// encryptSecrets configures the API server to encrypt Secrets in etcd, as GKE does. A resumed
// cluster uses its existing key.
func (c *controlPlane) encryptSecrets() error {
	if _, err := os.Stat(c.file(encryptionFile)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it cannot fail
	return os.WriteFile(c.file(encryptionFile), fmt.Appendf(nil, encryption, base64.StdEncoding.EncodeToString(key)), 0o600)
}
