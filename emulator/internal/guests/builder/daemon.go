// Package builder emulates the programs of the BuildKit image that the build Job uses: wget
// and buildctl-daemonless.sh.
package builder

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"sglang-tpu/emulator/internal/guests/guest"
	"sglang-tpu/emulator/internal/socket"
)

// isRegistry reports whether a host is Artifact Registry's.
func isRegistry(host string) bool { return strings.HasSuffix(host, ".pkg.dev") }

// transport takes requests for the registry and for pods where they are served here;
// TLS ends at the emulator's edge.
type transport struct{}

// RoundTrip sends a request.
func (transport) RoundTrip(req *http.Request) (*http.Response, error) {
	in := guest.FromEnv()
	sent := req.Clone(req.Context())
	host := req.URL.Hostname()
	var through http.RoundTripper = &http.Transport{DisableKeepAlives: true}
	var at string
	var err error
	switch {
	case in.Socket == "":
		return through.RoundTrip(req) // outside of the emulator the names are the real ones
	case host == "metadata.google.internal":
		sent.URL.Path = "/metadata" + req.URL.Path
		sent.Header.Set("X-Emulator-Pod", in.Pod)
		through, at = socket.Client(in.Socket).Transport, host
	case isRegistry(host):
		at, err = in.Address("/registry-address")
	case req.URL.Scheme != "http":
		err = errors.New("nothing outside is reached by TLS")
	default:
		at, err = in.Resolve(host)
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
