package tools

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProgressCountsWhatAPackageImportsAsCompiled(t *testing.T) {
	steps := []Step{{Name: "one", Seconds: 100}, {Name: "two", Seconds: 100}}
	p := newProgress(io.Discard, steps)
	defer p.end(false)
	p.now = func() time.Time { return p.start.Add(90 * time.Second) }
	share, text := p.state()
	assert.Zero(t, share)
	assert.Equal(t, "built 0/2, 1m30s; fetching for 2", text)

	// a and b come from Go's cache, which go build -v does not tell.
	p.fetched(0, map[string][]string{"main": {"c"}, "c": {"b", "unsafe"}, "b": {"a"}, "a": nil, "d": nil})
	p.began(0)
	assert.True(t, p.compiling(0, "c"))
	assert.False(t, p.compiling(0, "# c"), "a compiler's complaint is no package")
	share, text = p.state()
	assert.InDelta(t, 0.5*0.9*3/5, share, 1e-9)
	assert.Equal(t, "built 0/2, 1m30s, about 4m0s left; fetching for 1; one 3/5", text)

	p.built(0)
	p.fetched(1, map[string][]string{"main": nil})
	share, text = p.state()
	assert.InDelta(t, 0.5, share, 1e-9)
	assert.Equal(t, "built 1/2, 1m30s, about 1m30s left", text)
}

func TestTheEstimateIsSilentUntilSomethingIsKnown(t *testing.T) {
	assert.Zero(t, remaining(time.Hour, 0.01))
	assert.Equal(t, 4*time.Minute, remaining(time.Minute, 0.2))
	assert.Equal(t, 2*time.Minute+30*time.Second, remaining(time.Minute, 0.28))
}
