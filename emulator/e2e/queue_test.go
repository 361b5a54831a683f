package e2e

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// slots limits the number of tests that run in parallel to the flag -parallel.
var slots *queue

// TestMain implements -parallel, because the testing package starts parallel tests in arbitrary
// order, and a long test that starts last makes the run longer.
func TestMain(m *testing.M) {
	flag.Parse()
	parallel := flag.Lookup("test.parallel")
	n, ok := parallel.Value.(flag.Getter).Get().(int)
	if !ok || n < 1 {
		fmt.Fprintf(os.Stderr, "-parallel %s is not a number of tests\n", parallel.Value)
		os.Exit(2)
	}
	slots = &queue{free: n}
	const unlimited = "1000"
	if err := parallel.Value.Set(unlimited); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// queue admits the longest waiting test when a slot becomes free.
type queue struct {
	mu      sync.Mutex
	free    int
	waiting []ticket
}

type ticket struct {
	seconds  int
	admitted chan struct{}
}

// parallel runs the test in parallel with others. seconds is its approximate duration. All tests
// of one level are in the queue before the first of them continues, because the testing package
// pauses each in t.Parallel. A test that has only parallel subtests left must call release, so
// that they can use its slot; otherwise the slot is released at the end of the test.
func parallel(t *testing.T, seconds int) (release func()) {
	t.Helper()
	mine := slots.add(seconds)
	t.Parallel()
	slots.wait(mine)
	release = sync.OnceFunc(slots.release)
	t.Cleanup(release)
	return release
}

func (q *queue) add(seconds int) ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := ticket{seconds, make(chan struct{})}
	q.waiting = append(q.waiting, t)
	return t
}

func (q *queue) wait(t ticket) {
	q.mu.Lock()
	q.admit()
	q.mu.Unlock()
	<-t.admitted
}

func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free++
	q.admit()
}

func (q *queue) admit() {
	for q.free > 0 && len(q.waiting) > 0 {
		longest := 0
		for i, t := range q.waiting {
			if t.seconds > q.waiting[longest].seconds {
				longest = i
			}
		}
		close(q.waiting[longest].admitted)
		q.waiting = slices.Delete(q.waiting, longest, longest+1)
		q.free--
	}
}

func TestTheLongestTestGetsTheNextSlot(t *testing.T) {
	q := queue{free: 2}
	var tickets []ticket
	for _, seconds := range []int{5, 300, 60, 120} {
		tickets = append(tickets, q.add(seconds))
	}
	admitted := func() []int {
		var all []int
		for _, t := range tickets {
			select {
			case <-t.admitted:
				all = append(all, t.seconds)
			default:
			}
		}
		return all
	}
	assert.Empty(t, admitted(), "the others may not be in the queue yet")
	q.wait(tickets[1])
	assert.Equal(t, []int{300, 120}, admitted())
	q.release()
	assert.Equal(t, []int{300, 60, 120}, admitted())
	tickets = append(tickets, q.add(10))
	q.release()
	assert.Equal(t, []int{300, 60, 120, 10}, admitted(), "a later one that takes longer goes first")
	q.release()
	q.release()
	assert.Equal(t, 1, q.free)
	assert.Empty(t, q.waiting)
}
