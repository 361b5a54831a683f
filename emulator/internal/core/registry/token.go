package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"sglang-tpu/emulator/internal/core/cloud"
)

// bearer is the account whose access token a request carries, empty for none. Clients get it at the
// token address, or have it already: here it is the same one. Google documents no
// password for the other addresses, so none is taken.
func (r *Registry) bearer(req *http.Request) string {
	token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	return r.email(token)
}

// email is the account of a token that lives; empty for any other.
func (r *Registry) email(token string) string {
	if r.access.Expired(token) {
		return ""
	}
	return cloud.Email(token)
}

// challenge sends clients to the token address, as Artifact Registry does.
func challenge(w http.ResponseWriter, req *http.Request) {
	header := fmt.Sprintf(`Bearer realm="https://%s%s",service="%s"`, req.Host, tokenPath, req.Host)
	if image, _, ok := strings.Cut(strings.TrimPrefix(req.URL.Path, "/v2/"), "/manifests/"); ok {
		header += fmt.Sprintf(`,scope="repository:%s:pull"`, image)
	}
	w.Header().Set("WWW-Authenticate", header)
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication failed")
}

const tokenPath = "/v2/token"

// token is the token address. Artifact Registry checks permissions here already, so that
// is where a push without the right ends.
func (r *Registry) token(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet { // OAuth's way to ask
		http.NotFound(w, req)
		return
	}
	user, access, _ := req.BasicAuth()
	email := r.email(access)
	if user != "oauth2accesstoken" || email == "" {
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication failed")
		return
	}
	for _, scopes := range req.URL.Query()["scope"] {
		for _, scope := range strings.Fields(scopes) { // repository:project/repository/image:pull,push
			kind, rest, _ := strings.Cut(scope, ":")
			at := strings.LastIndex(rest, ":")
			if kind != "repository" || at < 0 {
				continue
			}
			project, repository, _ := parts("/v2/" + rest[:at])
			err := r.access.RepositoryAllowed(email, req.Host+"/"+project+"/"+repository, strings.Contains(rest[at:], "push"))
			if err != nil && !unknown(err) { // an unknown one is reported where it is used
				refuse(w, http.StatusForbidden, "DENIED", reason(err))
				return
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	// The only error is a client that went away.
	_ = json.NewEncoder(w).Encode(map[string]any{"token": access, "expires_in": 3600})
}
