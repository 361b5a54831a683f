package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/emulator/internal/core/injection"
)

// public returns the API server's address for clients outside the cluster: the front's, if
// there is one.
func (c *controlPlane) public() string {
	if c.saved.FrontPort != 0 {
		return fmt.Sprintf("127.0.0.1:%d", c.saved.FrontPort)
	}
	return c.endpoint()
}

// startFront starts a proxy between clients outside the cluster and the API server that injects
// faults. Controllers, nodes and pods of the cluster do not use it.
func (c *controlPlane) startFront() error {
	if c.saved.FrontPort == 0 {
		return nil
	}
	listener, err := net.Listen("tcp", c.public())
	if err != nil {
		return err
	}
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "https", Host: c.endpoint()})
	// kubectl port-forward needs HTTP/1.1, and watches need immediate flushes.
	behind.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.CA.Pool(), MinVersion: tls.VersionTLS12}}
	behind.FlushInterval = -1
	c.front = &http.Server{
		Handler: &front{behind, c.injected}, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
	}
	go func() {
		// It returns when the server is closed.
		_ = c.front.ServeTLS(listener, filepath.Join(c.PKI, "apiserver.crt"), filepath.Join(c.PKI, "apiserver.key"))
	}()
	return nil
}

// front is a proxy of the API server that injects faults.
type front struct {
	behind   http.Handler
	injected *injection.Set
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := f.injected.Meet(operation(r), r.URL.Path, func(a, b injection.Operation) bool {
		return a == injection.Create && b == injection.Update
	})
	if fault == nil {
		f.behind.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body) // net/http reports a closed connection only after that
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fault.Handle(w, r, func() { refuse(w, fault) }, func(ctx context.Context) (answer func()) {
		again := r.Clone(ctx)
		again.Body = io.NopCloser(strings.NewReader(string(body)))
		f.behind.ServeHTTP(httptest.NewRecorder(), again) // nobody reads the answer
		return func() {}
	})
}

// operation returns the kind of a request; empty if faults do not apply to it.
func operation(r *http.Request) injection.Operation {
	query := r.URL.Query()
	if query.Has("dryRun") || query.Has("watch") {
		return ""
	}
	switch r.Method {
	case http.MethodGet:
		return injection.Read
	case http.MethodPatch, http.MethodPut:
		return injection.Update
	case http.MethodDelete:
		return injection.Delete
	}
	return ""
}

// refuse writes an error in the API server's format.
func refuse(w http.ResponseWriter, f *injection.Fault) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
		Message: f.Text, Reason: metav1.StatusReason(f.Reason), Code: int32(f.Status),
	}) // it fails only if the client has disconnected
}
