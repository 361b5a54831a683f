package counters

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ask(t *testing.T, c *Counters, method, path, body string) Counts {
	t.Helper()
	answer := httptest.NewRecorder()
	c.Handler().ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	var counts Counts
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &counts))
	return counts
}

func TestCountsPersistUntilTheyAreReset(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counters.json")
	c, err := Open(file)
	require.NoError(t, err)
	ask(t, c, "POST", "/counters/hub", `{"pod":"c/ns/a","repository":"org/m","bytes":5,"first":true}`)
	ask(t, c, "POST", "/counters/hub", `{"pod":"c/ns/b","repository":"org/m","bytes":2}`)
	ask(t, c, "POST", "/counters/builds", `{}`)
	ask(t, c, "POST", "/counters/compile", `{"hit":true}`)
	ask(t, c, "POST", "/counters/compile", `{"hit":false}`)

	c, err = Open(file) // as after a restart
	require.NoError(t, err)
	want := Counts{
		Hub:    Hub{Bytes: 7, Downloads: 1, ByRepository: map[string]int64{"org/m": 7}, ByPod: map[string]int64{"c/ns/a": 5, "c/ns/b": 2}},
		Builds: 1, Compile: Compile{Hits: 1, Misses: 1},
	}
	assert.Equal(t, want, ask(t, c, "GET", "/counters", ""))
	ask(t, c, "POST", "/counters/reset", "")
	assert.Equal(t, Counts{Hub: Hub{ByRepository: map[string]int64{}, ByPod: map[string]int64{}}}, ask(t, c, "GET", "/counters", ""))
}
