package tools

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgressCountsWhatAPackageImportsAsCompiled(t *testing.T) {
	steps := []Step{{Name: "one", Seconds: 100}, {Name: "two", Seconds: 100}}
	p := newProgress(io.Discard, 0, steps)
	defer p.end(false)
	p.now = func() time.Time { return p.start.Add(90 * time.Second) }
	share, text := p.state()
	assert.Zero(t, share)
	assert.Equal(t, "1m30s; step 1 of 2, packages 0 of 0; downloading the modules of 2", text)

	// a and b are in Go's cache, so go build -v does not print them.
	p.fetched(0, map[string][]string{"main": {"c"}, "c": {"b", "unsafe"}, "b": {"a"}, "a": nil, "d": nil})
	p.began(0)
	assert.True(t, p.compiling(0, "c"))
	assert.False(t, p.compiling(0, "# c"), "a compiler's complaint is no package")
	share, text = p.state()
	assert.InDelta(t, 0.5*0.9*3/5, share, 1e-9)
	// Only c took time, a fifth of 90 s for compiling. Of the rest of step one that is 36 s, and
	// 10 s for linking; two of three packages were cached, so that step two is expected to take 40 s.
	assert.Equal(t, "1m30s, about 7m left; step 1 of 2, packages 3 of 5; downloading the modules of 1; compiling one", text)

	p.compiling(0, "main")
	p.compiling(0, "d")
	_, text = p.state()
	assert.Contains(t, text, "packages 5 of 5", "all are compiled")
	assert.Contains(t, text, "; linking one")

	p.built(0)
	p.fetched(1, map[string][]string{"main": nil})
	share, text = p.state()
	assert.InDelta(t, 0.5, share, 1e-9)
	assert.Equal(t, "1m30s, about 1m30s left; step 2 of 2, packages 5 of 6", text)
}

func TestTheEstimateCountsDownWhileNothingGrows(t *testing.T) {
	p := newProgress(io.Discard, 0, []Step{{Name: "one"}})
	defer p.end(false)
	after := func(elapsed time.Duration, share float64) time.Duration {
		p.now = func() time.Time { return p.start.Add(elapsed) }
		left, _ := p.remaining(share, 1-share)
		return left
	}
	assert.Zero(t, after(time.Minute, 0.01), "too little is done")
	assert.Equal(t, 4*time.Minute, after(time.Minute, 0.2))
	assert.Equal(t, 3*time.Minute, after(2*time.Minute, 0.2), "it does not grow with the time that passes")
	assert.Equal(t, 7*time.Minute+30*time.Second, after(3*time.Minute, 0.28), "a new estimate")
	assert.Equal(t, time.Minute+30*time.Second, after(13*time.Minute+30*time.Second, 0.9))
	assert.Zero(t, after(16*time.Minute, 0.9), "longer than estimated")
	_, text := p.state()
	assert.Contains(t, text, "16m0s, longer than estimated")
}

// partlyCached is a step of a thousand packages. The first that go compiles imports those that
// are cached, and each takes a second.
func partlyCached(t *testing.T, cached int) (after func(compiled int) time.Duration) {
	t.Helper()
	p := newProgress(io.Discard, 0, []Step{{Name: "one", Seconds: 1000}})
	t.Cleanup(func() { p.end(false) })
	imports := map[string][]string{}
	for i := range 1000 {
		imports[strconv.Itoa(i)] = nil
	}
	for i := range cached {
		imports[strconv.Itoa(cached)] = append(imports[strconv.Itoa(cached)], strconv.Itoa(i))
	}
	p.fetched(0, imports)
	p.began(0)
	return func(compiled int) time.Duration {
		for i := range compiled {
			p.compiling(0, strconv.Itoa(cached+i))
		}
		p.now = func() time.Time { return p.start.Add(time.Duration(compiled) * time.Second) }
		left, _ := p.remaining(p.work())
		return left
	}
}

func TestPackagesInTheCacheDoNotMakeTheEstimateShorter(t *testing.T) {
	// Of 200 packages 50 are compiled after 50 s, and linking takes as long as 111 packages.
	assert.Equal(t, 4*time.Minute+30*time.Second, partlyCached(t, 800)(50))
	assert.Equal(t, 17*time.Minute+30*time.Second, partlyCached(t, 0)(50), "nothing is cached")
}

func TestStepsAreExpectedToHaveAsMuchInTheCacheAsThoseBeforeThem(t *testing.T) {
	p := newProgress(io.Discard, 0, []Step{{Name: "one", Seconds: 100}, {Name: "two", Seconds: 100}})
	defer p.end(false)
	p.now = func() time.Time { return p.start.Add(20 * time.Second) }
	for step := range 2 {
		p.fetched(step, map[string][]string{"main": nil})
	}
	p.began(0)
	p.built(0)
	spent, left := p.work()
	assert.InDelta(t, 10, spent, 1e-9, "it was only linked")
	assert.InDelta(t, 10, left, 1e-9)
}

// The longest times and numbers of a first build.
func TestTheLiveLineFitsTheTerminalWithItsTimes(t *testing.T) {
	for _, width := range []int{80, 70, 60} {
		var said strings.Builder
		steps := []Step{{Name: "kubernetes", Seconds: 100}, {Name: "provider-kubernetes", Seconds: 100}}
		for range 9 {
			steps = append(steps, Step{Name: "a"})
		}
		p := newProgress(&said, width, steps)
		p.now = func() time.Time { return p.start.Add(22*time.Minute + 30*time.Second) }
		imports := map[string][]string{}
		for i := range 1000 {
			imports[strconv.Itoa(i)] = nil
		}
		for step := range 2 {
			p.fetched(step, imports)
			p.began(step)
		}
		for i := range 800 {
			p.compiling(0, strconv.Itoa(i))
		}
		p.draw()
		p.end(false)
		lines := strings.FieldsFunc(said.String(), func(r rune) bool { return r == '\r' || r == '\n' })
		require.NotEmpty(t, lines)
		assert.Contains(t, said.String(), "22m30s, about 43m left;", width)
		if width == 80 {
			assert.Contains(t, said.String(), "; step 1 of 11, packages 800 o")
		}
		for _, line := range lines {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), width, "%q", line)
		}
		assert.NotContains(t, said.String(), "\n", "it is one line")
	}
}
