// Command json-exporter runs json_exporter of prometheus-community in an emulated pod: it
// listens on the pod's address and uses the cluster's DNS.
package main

import (
	"context"
	"net"
	"net/http"
	"os"

	"github.com/prometheus-community/json_exporter/cmd"
)

// port is the exporter's default port.
const port = "7979"

func main() {
	if listen := os.Getenv("EMULATOR_LISTEN"); listen != "" {
		os.Args = append(os.Args, "--web.listen-address="+net.JoinHostPort(listen, port))
		daemon := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", os.Getenv("EMULATOR_SOCKET"))
		}}}
		net.DefaultResolver = &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go answer(theirs, lookup(daemon, os.Getenv("EMULATOR_POD")))
			return ours, nil
		}}
	}
	cmd.Run()
}
