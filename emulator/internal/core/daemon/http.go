package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/socket"
)

// handler is the API for the command line, the provider plugin and pods' processes.
func (d *daemon) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/cloud/", d.cloud.Handler())
	mux.Handle("/counters", d.counters.Handler())
	mux.Handle("/counters/", d.counters.Handler())
	mux.Handle("GET /injected", socket.Show(d.injected.Faults))
	mux.Handle("POST /injected", socket.Handle(func(_ context.Context, faults []injection.Fault) (any, error) {
		d.injected.Replace(faults)
		return faults, nil
	}))
	mux.Handle("POST /bucket-write", socket.Handle(d.bucketWrite))
	mux.Handle("GET /healthz", socket.Show(func() map[string]string { return map[string]string{"pid": strconv.Itoa(os.Getpid())} }))
	mux.Handle("GET /registry-address", socket.Show(func() map[string]string { return map[string]string{"address": d.registry} }))
	mux.HandleFunc("GET /resolve", d.resolve)
	mux.HandleFunc("GET "+tokenPath, d.token)
	mux.HandleFunc("POST /tokens/expire", d.expireTokens)
	return mux
}

// resolve resolves a host name for a pod.
func (d *daemon) resolve(w http.ResponseWriter, r *http.Request) {
	cluster, namespace, _ := split(r.URL.Query().Get("pod"))
	access, err := d.manager.Access(cluster)
	address := ""
	if err == nil {
		address, err = access.Resolve(namespace, r.URL.Query().Get("host"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	socket.Reply(w, map[string]string{"address": address})
}

func split(pod string) (cluster, namespace, name string) {
	cluster, rest, _ := strings.Cut(pod, "/")
	namespace, name, _ = strings.Cut(rest, "/")
	return cluster, namespace, name
}

const (
	tokenPath         = "/metadata/computeMetadata/v1/instance/service-accounts/default/token"
	accountAnnotation = "iam.gke.io/gcp-service-account"
	podHeader         = "X-Emulator-Pod"
)

// identity is the identity of a pod for GKE's metadata server.
type identity struct{ project, namespace, account, email string }

// token implements the part of GKE's metadata server that the program uses.
func (d *daemon) token(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Metadata-Flavor") != "Google" {
		http.Error(w, "Missing required header \"Metadata-Flavor\": \"Google\"", http.StatusForbidden)
		return
	}
	who, err := d.identity(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	token, err := d.cloud.WorkloadIdentityToken(who.project, who.namespace, who.account, who.email)
	if err != nil {
		http.Error(w, "Unable to generate access token; IAM returned 403 Forbidden: "+err.Error(), http.StatusForbidden)
		return
	}
	socket.Reply(w, map[string]any{"access_token": token, "expires_in": 3599, "token_type": "Bearer"})
}

// identity returns the identity of the pod that sent a request.
func (d *daemon) identity(r *http.Request) (who identity, err error) {
	cluster, namespace, name := split(r.Header.Get(podHeader))
	access, err := d.manager.Access(cluster)
	if err != nil {
		return who, err
	}
	core := access.Informers.Core().V1()
	pod, err := core.Pods().Lister().Pods(namespace).Get(name)
	if err != nil {
		return who, err
	}
	node, err := core.Nodes().Lister().Get(pod.Spec.NodeName)
	if err != nil || node.Labels[cloud.MetadataServerLabel] != "true" {
		return who, errors.New("the node pool has no GKE metadata server")
	}
	account, err := core.ServiceAccounts().Lister().ServiceAccounts(namespace).Get(pod.Spec.ServiceAccountName)
	if err != nil {
		return who, err
	}
	email := account.Annotations[accountAnnotation]
	if email == "" {
		return who, fmt.Errorf("service account %s/%s has no annotation %s", namespace, account.Name, accountAnnotation)
	}
	return identity{access.Project, namespace, account.Name, email}, nil
}

// expireTokens expires a pod's access tokens, which on Google Cloud happens after an hour.
func (d *daemon) expireTokens(w http.ResponseWriter, r *http.Request) {
	who, err := d.identity(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if !d.cloud.Lenient { // earlier versions of the program cannot handle it
		d.cloud.ExpireTokens(who.email)
	}
	socket.Reply(w, struct{}{})
}
