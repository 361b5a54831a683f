// Package builder is the BuildKit image's programs, as far as the build Job uses them:
// wget and buildctl-daemonless.sh.
package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

const (
	socketVar = "EMULATOR_SOCKET"
	podVar    = "EMULATOR_POD"
)

// daemonClient speaks to the emulator's API.
func daemonClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", os.Getenv(socketVar))
		},
	}}
}

// address asks the daemon for one; its text is the error.
func address(path string) (string, error) {
	res, err := daemonClient().Get("http://emulator" + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", errors.New(strings.TrimSpace(string(body)))
	}
	var found struct {
		Address string `json:"address"`
	}
	return found.Address, json.Unmarshal(body, &found)
}

// isRegistry tells Artifact Registry's hosts from others.
func isRegistry(host string) bool { return strings.HasSuffix(host, "-docker.pkg.dev") }

// transport takes requests for the registry and for pods where they are served here;
// TLS ends at the emulator's edge.
type transport struct{}

// RoundTrip sends a request.
func (transport) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Hostname()
	if host == "metadata.google.internal" {
		forwarded := req.Clone(req.Context())
		forwarded.URL.Path = "/metadata" + req.URL.Path
		forwarded.Header.Set("X-Emulator-Pod", os.Getenv(podVar))
		return daemonClient().Transport.RoundTrip(forwarded)
	}
	var at string
	var err error
	if isRegistry(host) {
		at, err = address("/registry-address")
	} else {
		at, err = address("/resolve?" + url.Values{"pod": {os.Getenv(podVar)}, "host": {host}}.Encode())
		if port := req.URL.Port(); port != "" {
			at += ":" + port
		} else {
			at += ":80"
		}
	}
	if err != nil {
		return nil, fmt.Errorf("bad address '%s'", host)
	}
	forwarded := req.Clone(req.Context())
	forwarded.Host = host
	forwarded.URL.Scheme, forwarded.URL.Host = "http", at
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(forwarded)
	if res != nil {
		res.Request = req // what a relative Location is relative to
	}
	return res, err
}
