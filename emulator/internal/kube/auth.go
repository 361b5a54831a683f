package kube

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"sglang-tpu/emulator/internal/layout"
)

// Token is the bearer token with which gcloud's user comes to every cluster; it is
// made when there is none.
func Token(l layout.Layout) (string, error) {
	if text, err := os.ReadFile(l.Token()); err == nil {
		if token := strings.TrimSpace(string(text)); token != "" {
			return token, nil
		}
	}
	var b [24]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	token := hex.EncodeToString(b[:])
	return token, os.WriteFile(l.Token(), []byte(token+"\n"), 0o600)
}

// AuthPluginMain is gke-gcloud-auth-plugin: it prints a credential for kubectl.
func AuthPluginMain() int {
	l, err := layout.FromEnv()
	if err == nil {
		var token []byte
		if token, err = os.ReadFile(l.Token()); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(map[string]any{
				"apiVersion": "client.authentication.k8s.io/v1beta1",
				"kind":       "ExecCredential",
				"status":     map[string]string{"token": strings.TrimSpace(string(token))},
			})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gke-gcloud-auth-plugin:", err)
		return 1
	}
	return 0
}
