package tools

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder records the calls of fetch and build.
type recorder struct {
	mu      sync.Mutex
	running int
	most    int
	order   []string
	hold    time.Duration
	fails   string
	ended   []string
}

func (r *recorder) fetch(context.Context, Step) (map[string][]string, error) {
	return map[string][]string{"main": nil}, nil
}

func (r *recorder) build(ctx context.Context, s Step, _ func(string) bool) error {
	r.mu.Lock()
	r.running++
	r.most = max(r.most, r.running)
	r.order = append(r.order, s.Name)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running--
		r.ended = append(r.ended, s.Name)
	}()
	if s.Name == r.fails {
		return errors.New(s.Name + " does not compile")
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(r.hold):
		return nil
	}
}

var someSteps = []Step{{Name: "short", Seconds: 1}, {Name: "long", Seconds: 100}, {Name: "middle", Seconds: 10}, {Name: "middling", Seconds: 9}}

func TestAsManyBuildsAsAllowedRunAtOnce(t *testing.T) {
	r := recorder{hold: 20 * time.Millisecond}
	show := newProgress(io.Discard, 0, someSteps)
	defer show.end(false)
	require.NoError(t, schedule(context.Background(), someSteps, 2, show, r.fetch, r.build))
	assert.Equal(t, 2, r.most)
	assert.ElementsMatch(t, []string{"short", "long", "middle", "middling"}, r.order)
}

func TestTheLongestFetchedBuildStartsFirst(t *testing.T) {
	assert.Equal(t, 1, longest(someSteps, []int{0, 2, 3}))
	assert.Equal(t, 2, longest(someSteps, []int{0, 3, 1}))

	// The longest step is fetched last, and the others do not wait for it.
	r := recorder{hold: time.Millisecond}
	all := make(chan struct{})
	fetch := func(ctx context.Context, s Step) (map[string][]string, error) {
		if s.Name == "long" {
			<-all
		}
		return r.fetch(ctx, s)
	}
	build := func(ctx context.Context, s Step, seen func(string) bool) error {
		defer func() {
			if r.count() == len(someSteps)-1 {
				close(all)
			}
		}()
		return r.build(ctx, s, seen)
	}
	show := newProgress(io.Discard, 0, someSteps)
	defer show.end(false)
	require.NoError(t, schedule(context.Background(), someSteps, 1, show, fetch, build))
	assert.Equal(t, "long", r.order[len(r.order)-1])
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ended)
}

func TestTheFirstFailureStopsOtherBuildsAndIsReported(t *testing.T) {
	r := recorder{hold: time.Minute, fails: "middle"}
	show := newProgress(io.Discard, 0, someSteps)
	defer show.end(false)
	began := time.Now()
	err := schedule(context.Background(), someSteps, len(someSteps), show, r.fetch, r.build)
	require.EqualError(t, err, "middle does not compile")
	assert.Less(t, time.Since(began), 30*time.Second)
	assert.Zero(t, r.running, "nothing is left running")
}

func TestAStepWhoseModulesCannotBeFetchedIsNotBuilt(t *testing.T) {
	r := recorder{}
	fetch := func(ctx context.Context, s Step) (map[string][]string, error) {
		return nil, errors.New("no network")
	}
	show := newProgress(io.Discard, 0, someSteps)
	defer show.end(false)
	require.EqualError(t, schedule(context.Background(), someSteps, 2, show, fetch, r.build), "no network")
	assert.Empty(t, r.order)
}
