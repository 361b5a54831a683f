package kube

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"time"
)

// Serve serves HTTPS on a free port of a loopback address until the context ends. The
// certificate is issued to a user and groups. config has the other settings of TLS.
func (a Access) Serve(ctx context.Context, name, user string, groups []string, address string, handler http.Handler, config *tls.Config) (port int, err error) {
	certFile, keyFile, err := a.CA.Issue(a.PKI, name, user, groups, []string{address})
	if err != nil {
		return 0, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return 0, err
	}
	config.MinVersion = tls.VersionTLS12
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, TLSConfig: config}
	go func() {
		if err := server.ServeTLS(listener, certFile, keyFile); err != nil && ctx.Err() == nil {
			log.Printf("%s: %v", name, err)
		}
	}()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return listener.Addr().(*net.TCPAddr).Port, nil
}
