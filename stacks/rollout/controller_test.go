package rollout

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/existing"
)

func TestTheControllerIsItsDeployment(t *testing.T) {
	code, body := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, controllerPath, r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	kubeconfig := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":%q}}],
		"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{}}]}`, server.URL)
	for image, want := range map[string]string{
		"registry.k8s.io/lws/lws:v0.9.0": "v0.9.0", "mirror:5000/lws": "", "lws:v0.8.0@sha256:0123": "v0.8.0", "lws@sha256:0123": "",
	} {
		body = fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"image":%q}]}}},"status":{"readyReplicas":1}}`, image)
		found, err := Controller(t.Context(), kubeconfig)
		require.NoError(t, err)
		assert.Equal(t, existing.Controller{Installed: true, Version: want, Ready: true}, found, image)
	}
	body = "nothing"
	_, err := Controller(t.Context(), kubeconfig)
	require.Error(t, err)
	code, body = http.StatusNotFound, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`
	found, err := Controller(t.Context(), kubeconfig)
	require.NoError(t, err)
	assert.False(t, found.Installed)
	code, body = http.StatusForbidden, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"you may not","code":403}`
	_, err = Controller(t.Context(), kubeconfig)
	require.ErrorContains(t, err, "you may not")
	_, err = Controller(t.Context(), "{")
	require.Error(t, err)
}
