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

// slots is how many tests run side by side, which -parallel says.
var slots *queue

// TestMain takes -parallel for itself: the testing package starts parallel tests in an
// order that nobody chooses, and the run takes as long as the one that started last.
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

// queue admits the longest of those that wait, whenever a slot is free.
type queue struct {
	mu      sync.Mutex
	free    int
	waiting []ticket
}

type ticket struct {
	seconds  int
	admitted chan struct{}
}

// parallel runs the test beside others. seconds is what it takes, roughly. The tests of one
// level are all in the queue before the first of them goes on, because the testing package
// pauses each in t.Parallel. A test that has only parallel subtests left calls release, so
// that they can have its slot; for others that happens at their end.
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
