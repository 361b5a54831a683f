package main

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/monitoring"
)

func TestAllTimesOfAQueryAreScaled(t *testing.T) {
	for query, want := range map[string]string{
		`min_over_time(x{a="5m"}[5m])`:             `min_over_time(x{a="5m"}[30s])`,
		`resets(x[1h] offset 10m)`:                 `resets(x[6m] offset 1m)`,
		`max_over_time(up[30m:5m] offset 50s) < 1`: `max_over_time(up[3m:30s] offset 5s) < 1`,
		`sum(x) > 300`:                             `sum(x) > 300`,
	} {
		got, err := faster(query, 10)
		require.NoError(t, err)
		assert.Equal(t, want, got.String())
	}
	for _, a := range monitoring.Alerts(endpoint) {
		if a.Query == "" {
			continue
		}
		same, err := faster(a.Query, 1)
		require.NoError(t, err)
		assert.Equal(t, parsed(t, a.Query).String(), same.String(), a.Name)
	}
}

// An alert is pending for its time, divided by the scale, and then fires.
func TestAnAlertFiresAfterItsTime(t *testing.T) {
	store := situation{}.store(t)
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	var out bytes.Buffer
	began := time.Now()
	// With scale 300, 60 s take 200 ms, and the interval of evaluations is 100 ms.
	require.NoError(t, watch(ctx, order{Scale: 300, Alerts: []alert{
		{Name: "gone", Query: "vector(0) < 1", Seconds: 60}, {Name: "there", Query: "vector(1) < 1", Seconds: 60},
	}}, store, json.NewEncoder(&out)))
	var changes []change
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var c change
		require.NoError(t, decoder.Decode(&c))
		changes = append(changes, c)
	}
	require.Len(t, changes, 2)
	assert.Equal(t, []string{"gone pending", "gone firing"}, []string{changes[0].Alert + " " + changes[0].State, changes[1].Alert + " " + changes[1].State})
	assert.GreaterOrEqual(t, changes[1].At.Sub(changes[0].At), 199*time.Millisecond)
	assert.GreaterOrEqual(t, changes[0].At.Sub(began), 99*time.Millisecond)
}
