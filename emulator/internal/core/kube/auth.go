package kube

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/emulator/internal/layout"
)

// Token returns the bearer token of gcloud's user, which is valid for every cluster. It
// creates the token if there is none.
func Token(l layout.Layout) (string, error) {
	if text, err := os.ReadFile(l.Token()); err == nil {
		if token := strings.TrimSpace(string(text)); token != "" {
			return token, nil
		}
	}
	token := rand.Text()
	return token, os.WriteFile(l.Token(), []byte(token+"\n"), 0o600)
}

// ServiceAccount returns the name of a pod's service account.
func ServiceAccount(pod *corev1.Pod) string { return cmp.Or(pod.Spec.ServiceAccountName, "default") }

// loggedOut is the error of gke-gcloud-auth-plugin if gcloud auth login was never run
// (cloud-provider-gcp, cmd/gke-gcloud-auth-plugin, executeCommand). The program's kubeconfig
// uses application default credentials, which do not need it.
const loggedOut = "print credential failed with error: failed to retrieve access token: failure while executing gcloud, with args [config config-helper --format=json]: exit status 1 " +
	"(err: ERROR: (gcloud.config.config-helper) You do not currently have an active account selected.\nPlease run:\n\n  $ gcloud auth login\n\nto obtain new credentials.\n)"

// AuthPluginMain implements gke-gcloud-auth-plugin. It prints a credential for kubectl: the
// application default credentials if the kubeconfig selects them, else gcloud's account.
func AuthPluginMain(args []string) int {
	if err := authPlugin(args, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func authPlugin(args []string, out io.Writer) error {
	defaults := os.Getenv(layout.EarlierVar) != ""
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
