package kube

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/layout"
)

const object = "/api/v1/namespaces/ns/configmaps/c"

func TestOperationsOfRequests(t *testing.T) {
	for line, want := range map[string]injection.Operation{
		"GET " + object:                                  injection.Read,
		"GET " + object + "?watch=true":                  "",
		"PATCH " + object + "?fieldManager=pulumi":       injection.Update,
		"PATCH " + object + "?dryRun=All&fieldManager=x": "",
		"DELETE " + object:                               injection.Delete,
		"POST /api/v1/namespaces/ns/configmaps":          "",
	} {
		method, path, _ := strings.Cut(line, " ")
		assert.Equal(t, want, operation(httptest.NewRequest(method, path, nil)), line)
	}
}

func TestTheFrontInjectsFaultsAndForwardsOtherRequests(t *testing.T) {
	var got []string
	behind := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+string(body))
		_, _ = io.WriteString(w, "done")
	})
	var set injection.Set
	server := httptest.NewServer(&front{behind, &set})
	defer server.Close()
	send := func(method string) (int, string) {
		req, err := http.NewRequest(method, server.URL+object, strings.NewReader("applied"))
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, ""
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(text)
	}

	set.Replace([]injection.Fault{{Operation: injection.Create, Resource: object, Effect: injection.Refuse, Status: 403, Reason: "Forbidden", Text: "is forbidden"}})
	status, text := send("PATCH")
	assert.Equal(t, 403, status)
	assert.JSONEq(t, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"is forbidden","reason":"Forbidden","code":403}`, text)
	assert.Empty(t, got, "nothing was done")
	status, text = send("DELETE")
	assert.Equal(t, 200, status)
	assert.Equal(t, "done", text)

	got = nil
	set.Replace([]injection.Fault{{Operation: injection.Update, Resource: object, Effect: injection.Lose}})
	status, _ = send("PATCH")
	assert.Zero(t, status, "there is no answer")
	assert.Equal(t, []string{"PATCH applied"}, got, "and all was done, once")
}

func TestAControlPlaneComponentIsRestarted(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	require.NoError(t, os.MkdirAll(l.Bin(), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(l.Bin(), "etcd"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o700))
	c := &controlPlane{Access: Access{Name: "c"}, dir: t.TempDir(), layout: l}
	first, err := c.run("etcd", nil)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(first.PID(), syscall.SIGKILL))
	now := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.processes[0].PID()
	}
	require.Eventually(t, func() bool { return now() != first.PID() }, 10*time.Second, 20*time.Millisecond)
	second := now()
	c.end()
	assert.ErrorIs(t, syscall.Kill(second, 0), syscall.ESRCH, "after the end there is none")
	time.Sleep(2 * restartPause)
	assert.Empty(t, c.processes)
}
