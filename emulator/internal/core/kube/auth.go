package kube

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"sglang-tpu/emulator/internal/layout"
)

// Token is the bearer token of gcloud's user for every cluster; it is
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

// loggedOut is gcloud's error to gke-gcloud-auth-plugin before gcloud auth login, which nobody
// has run here: the kubeconfig of the program uses application default credentials.
// (cloud-provider-gcp, cmd/gke-gcloud-auth-plugin: executeCommand's words.)
const loggedOut = "print credential failed with error: failed to retrieve access token: failure while executing gcloud, with args [config config-helper --format=json]: exit status 1 " +
	"(err: ERROR: (gcloud.config.config-helper) You do not currently have an active account selected.\nPlease run:\n\n  $ gcloud auth login\n\nto obtain new credentials.\n)"

// AuthPluginMain is gke-gcloud-auth-plugin: it prints a credential for kubectl, of the
// application default credentials if configured so, else of gcloud's own account.
func AuthPluginMain(args []string) int {
	if err := authPlugin(args, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func authPlugin(args []string, out io.Writer) error {
	defaults := os.Getenv(layout.EarlierVar) != "" // see there
	for _, arg := range args {
		if arg != "--use_application_default_credentials" {
			return fmt.Errorf("unknown flag: %s", arg)
		}
		defaults = true
	}
	if !defaults {
		return errors.New(loggedOut)
	}
	l, err := layout.FromEnv()
	if err != nil {
		return err
	}
	token, err := os.ReadFile(l.Token())
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1beta1",
		"kind":       "ExecCredential",
		"status":     map[string]string{"token": strings.TrimSpace(string(token))},
	})
}
