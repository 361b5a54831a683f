// Package builder is the BuildKit image's programs, as far as the build Job uses them:
// wget and buildctl-daemonless.sh.
package builder

import (
	"cmp"
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
func isRegistry(host string) bool { return strings.HasSuffix(host, ".pkg.dev") }

// transport takes requests for the registry and for pods where they are served here;
// TLS ends at the emulator's edge.
type transport struct{}

// RoundTrip sends a request.
func (transport) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := req.Clone(req.Context())
	host := req.URL.Hostname()
	var through http.RoundTripper = &http.Transport{DisableKeepAlives: true}
	var at string
	var err error
	switch {
	case os.Getenv(socketVar) == "":
		return through.RoundTrip(req) // outside of the emulator the names are the real ones
	case host == "metadata.google.internal":
		sent.URL.Path = "/metadata" + req.URL.Path
		sent.Header.Set("X-Emulator-Pod", os.Getenv(podVar))
		through, at = daemonClient().Transport, host
	case isRegistry(host):
		at, err = address("/registry-address")
	case req.URL.Scheme != "http":
		err = errors.New("nothing outside is reached by TLS")
	default:
		at, err = address("/resolve?" + url.Values{"pod": {os.Getenv(podVar)}, "host": {host}}.Encode())
		at = net.JoinHostPort(at, cmp.Or(req.URL.Port(), "80"))
	}
	if err != nil {
		return nil, fmt.Errorf("bad address '%s'", host)
	}
	sent.Host = req.URL.Host
	sent.URL.Scheme, sent.URL.Host = "http", at
	res, err := through.RoundTrip(sent)
	if err == nil {
		res.Request = req // a relative Location is relative to what the client asked
	}
	return res, err
}
