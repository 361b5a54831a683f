package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"sglang-tpu/emulator/internal/core/cloud"
)

// bearer returns the account of a request's access token; empty if it has no valid one. The
// token endpoint returns the same token that clients log in with. Other endpoints do not accept
// passwords, because Google documents none for them.
func (r *Registry) bearer(req *http.Request) string {
	token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	return r.email(token)
}

// email returns the account of a valid token; empty for any other.
func (r *Registry) email(token string) string {
	if r.access.Expired(token) {
		return ""
	}
	return cloud.Email(token)
}

// challenge refers clients to the token endpoint, as Artifact Registry does.
func challenge(w http.ResponseWriter, req *http.Request) {
	header := fmt.Sprintf(`Bearer realm="https://%s%s",service="%s"`, req.Host, tokenPath, req.Host)
	if image, _, ok := strings.Cut(strings.TrimPrefix(req.URL.Path, "/v2/"), "/manifests/"); ok {
		header += fmt.Sprintf(`,scope="repository:%s:pull"`, image)
	}
	w.Header().Set("WWW-Authenticate", header)
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication failed")
}

const tokenPath = "/v2/token"

// token implements the token endpoint. Artifact Registry already checks permissions here, so a
// push without permission fails here.
func (r *Registry) token(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet { // the OAuth 2 flow is not supported
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
			if err != nil && !unknown(err) { // an unknown repository is reported when it is used
				refuse(w, http.StatusForbidden, "DENIED", reason(err))
				return
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	// It fails only if the client has disconnected.
	_ = json.NewEncoder(w).Encode(map[string]any{"token": access, "expires_in": 3600})
}
