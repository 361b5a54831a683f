// Package builder emulates the programs of the BuildKit image that the build Job uses: wget and
// buildctl-daemonless.sh.
package builder

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"sglang-tpu/emulator/internal/guests/guest"
	"sglang-tpu/emulator/internal/socket"
)

// registryOptions are the options for requests to registries. Like buildctl, the default
// keychain reads $DOCKER_CONFIG.
var registryOptions = []remote.Option{remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithTransport(transport{})}

// isRegistry reports whether a host belongs to Artifact Registry.
func isRegistry(host string) bool { return strings.HasSuffix(host, ".pkg.dev") }

// transport sends requests for the metadata server, the registry and pods to the emulator,
// without TLS.
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
		return through.RoundTrip(req) // not in the emulator
	case host == "metadata.google.internal":
		sent.URL.Path = "/metadata" + req.URL.Path
		sent.Header.Set("X-Emulator-Pod", in.Pod)
		through, at = socket.Client(in.Socket).Transport, host
	case isRegistry(host):
		at, err = in.Address("/registry-address")
	case req.URL.Scheme != "http":
		err = errors.New("there is no Internet in the emulator")
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
		res.Request = req // a relative Location is relative to the original URL
	}
	return res, err
}
