package chaos

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/counters"
)

func TestEachBrokenInvariantIsNamed(t *testing.T) {
	well := func() *run {
		return &run{begin: usage{memory: 100 << 20, files: 1000}, end: usage{memory: 110 << 20, files: 1050}, answered: 9}
	}
	r := well()
	r.invariants()
	assert.Empty(t, r.broken)
	for says, change := range map[string]func(*run){
		"2 requests were answered wrongly": func(r *run) { r.wrong = 2 },
		"some work was repeated":           func(r *run) { r.after = counters.Counts{Builds: 1} },
		"to 1050 and 200":                  func(r *run) { r.end.memory = 200 << 20 },
		"the emulator grows: from 1000 files and 100 MiB to 5000 and 110": func(r *run) { r.end.files = 5000 },
	} {
		r := well()
		change(r)
		r.invariants()
		require.Len(t, r.broken, 1, says)
		assert.Contains(t, r.broken[0], says)
	}
}

func TestTheReportHasTheSeedAndHowLongEachTook(t *testing.T) {
	r := &run{took: map[string][]time.Duration{"rank": {3 * time.Second, time.Second, 2 * time.Second}}, answered: 5, failed: 1}
	text := ""
	for _, line := range r.report(options{stack: "dev", seed: 7, hours: 24}) {
		text += line + "\n"
	}
	for _, part := range []string{"24 scaled hours with seed 7", "| rank | 3 | 2.0 s | 3.0 s |", "5 requests were answered, 0 of them wrongly; 1 got no answer", "No invariant was broken."} {
		assert.Contains(t, text, part)
	}
}

func TestASingleEventCanBeSelected(t *testing.T) {
	all, err := options{}.events()
	require.NoError(t, err)
	assert.Len(t, all, len(events))
	one, err := options{only: "slice"}.events()
	require.NoError(t, err)
	require.Len(t, one, 1)
	assert.Equal(t, "slice", one[0].name)
	_, err = options{only: "slices"}.events()
	require.ErrorContains(t, err, `there is no event "slices"; there are: pod, rank, slice, system node,`)
}

func TestAnAnswerIsItsText(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"text":" page on","meta_info":{"id":"1"}}`))
	}))
	defer server.Close()
	text, err := ask(t.Context(), server.URL, "Hello")
	require.NoError(t, err)
	assert.Equal(t, " page on", text)
	status = http.StatusServiceUnavailable
	_, err = ask(t.Context(), server.URL, "Hello")
	assert.ErrorContains(t, err, "503")
}
