package registry

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTokenEndpointAnswersByAccountAndScope(t *testing.T) {
	const (
		pull    = "scope=repository:p/r/server:pull"
		pushing = "scope=repository:p/r/server:pull,push"
	)
	for title, test := range map[string]struct {
		account, query string
		status         int
		body           string
	}{
		"a reader that pulls":                            {reader, pull, 200, `{"expires_in":3600,"token":"ya29.emulated.` + reader + `"}`},
		"a reader that pushes":                           {reader, pushing, 403, `{"errors":[{"code":"DENIED","message":"no permission"}]}`},
		"a writer that pushes":                           {writer, pushing, 200, `{"expires_in":3600,"token":"ya29.emulated.` + writer + `"}`},
		"a stranger that asks for one thing and another": {"x@y", pull + "&" + pushing, 403, `{"errors":[{"code":"DENIED","message":"no permission"}]}`},
		"a stranger that asks for nothing":               {"x@y", "", 200, `{"expires_in":3600,"token":"ya29.emulated.x@y"}`},
		"a repository that is unknown":                   {writer, "scope=repository:p/x/server:pull", 200, `{"expires_in":3600,"token":"ya29.emulated.` + writer + `"}`},
		"a token whose life has ended":                   {"1." + writer, pushing, 401, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication failed"}]}`},
		"nobody":                                         {"", pull, 401, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication failed"}]}`},
	} {
		t.Run(title, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodGet, "https://"+host+tokenPath+"?"+test.query, nil)
			req.SetBasicAuth("oauth2accesstoken", "ya29.emulated."+test.account)
			answer := httptest.NewRecorder()
			open(t, t.TempDir(), false).ServeHTTP(answer, req)
			require.Equal(t, test.status, answer.Code)
			require.JSONEq(t, test.body, answer.Body.String())
		})
	}
}

func TestTheTokenEndpointRejectsPost(t *testing.T) {
	answer := httptest.NewRecorder()
	open(t, t.TempDir(), false).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "https://"+host+tokenPath, nil))
	require.Equal(t, http.StatusNotFound, answer.Code, "clients then ask by GET")
}
