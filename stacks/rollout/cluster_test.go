package rollout

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLookReadsTheSetItsPodsAndNodes(t *testing.T) {
	answer := func(w http.ResponseWriter, kind string, items any) {
		w.Header().Set("Content-Type", "application/json")
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": kind, "items": items}))
	}
	mux := http.NewServeMux()
	there, allowed := true, true
	mux.HandleFunc("GET /apis/leaderworkerset.x-k8s.io/v1/namespaces/sglang/leaderworkersets/set", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !allowed {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"you may not","code":403}`)
			return
		}
		if !there {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
			return
		}
		fmt.Fprint(w, `{"spec":{"replicas":3,"leaderWorkerTemplate":{"size":2,"leaderTemplate":{"metadata":{"labels":{"hash":"new"}}}}}}`)
	})
	mux.HandleFunc("GET /api/v1/namespaces/sglang/pods", func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "leaderworkerset.sigs.k8s.io/name=set", r.URL.Query().Get("labelSelector"))
		answer(w, "PodList", []corev1.Pod{pod("a")})
	})
	mux.HandleFunc("GET /api/v1/nodes", func(w http.ResponseWriter, _ *http.Request) {
		node := func(name string, ready corev1.ConditionStatus) corev1.Node {
			return corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"cloud.google.com/gke-nodepool": "pool of " + name}}, Status: corev1.NodeStatus{
				Conditions: []corev1.NodeCondition{{Type: corev1.NodeMemoryPressure, Status: "True"}, {Type: corev1.NodeReady, Status: ready}},
			}}
		}
		answer(w, "NodeList", []corev1.Node{node("n", "True"), node("sick", "Unknown")})
	})
	mux.HandleFunc("GET /api/v1/namespaces/sglang/events", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "EventList", []corev1.Event{{Reason: "FailedScaleUp"}})
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	cluster, err := NewCluster(fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":%q}}],
		"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{}}]}`, server.URL))
	require.NoError(t, err)
	found, err := cluster.Look(t.Context(), goal)
	require.NoError(t, err)
	require.Len(t, found.Pods, 1)
	assert.Equal(t, "a", found.Pods[0].Name)
	assert.Equal(t, map[string]bool{"n": true, "sick": false}, found.Nodes)
	assert.Equal(t, "new", found.Hash)
	assert.Equal(t, 6, found.Wanted, "three groups of two")
	assert.Empty(t, found.Events, "nobody asked for them")
	assert.Equal(t, "pool of n", found.PoolOf["n"])

	there = false
	found, err = cluster.Look(t.Context(), goal)
	require.NoError(t, err)
	assert.Zero(t, found.Wanted, "a set that is not there wants no pods")
	assert.Len(t, found.Pods, 1)

	found, err = cluster.Look(t.Context(), withPools)
	require.NoError(t, err)
	require.Len(t, found.Events, 1)
	assert.Equal(t, "FailedScaleUp", found.Events[0].Reason)

	allowed = false
	_, err = cluster.Look(t.Context(), goal)
	assert.ErrorContains(t, err, "you may not")
}

func TestAnInvalidKubeconfigIsAnError(t *testing.T) {
	_, err := NewCluster("{")
	assert.Error(t, err)
}
