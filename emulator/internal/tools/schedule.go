package tools

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

type (
	fetcher func(context.Context, Step) (map[string][]string, error)
	maker   func(ctx context.Context, s Step, seen func(pkg string) bool) error
)

// schedule fetches for all steps at once and builds at most jobs at a time. Of those that
// are fetched, the longest goes first. The first failure ends the others.
func schedule(ctx context.Context, steps []Step, jobs int, show *progress, fetch fetcher, build maker) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type event struct {
		step    int
		imports map[string][]string
		err     error
	}
	fetched, built := make(chan event), make(chan event)
	for i, s := range steps {
		go func() {
			imports, err := fetch(ctx, s)
			fetched <- event{i, imports, err}
		}()
	}
	var first error
	var ready []int
	fetching, building := len(steps), 0
	for fetching+building > 0 {
		var e event
		select {
		case e = <-fetched:
			fetching--
			if e.err == nil {
				show.fetched(e.step, e.imports)
				ready = append(ready, e.step)
			}
		case e = <-built:
			building--
			if e.err == nil {
				show.built(e.step)
			}
		}
		if e.err != nil && first == nil {
			first = e.err
			cancel()
		}
		for first == nil && len(ready) > 0 && building < jobs {
			at := longest(steps, ready)
			i := ready[at]
			ready = append(ready[:at], ready[at+1:]...)
			building++
			show.began(i)
			go func() {
				err := build(ctx, steps[i], func(pkg string) bool { return show.compiling(i, pkg) })
				built <- event{step: i, err: err}
			}()
		}
	}
	return first
}

// longest is the place in ready of the step that takes longest.
func longest(steps []Step, ready []int) int {
	best := 0
	for at, i := range ready {
		if steps[i].Seconds > steps[ready[best]].Seconds {
			best = at
		}
	}
	return best
}

// gibPerBuild is the peak memory of one go build on two cores: a compiler at one of
// the largest packages beside a linker.
const gibPerBuild = 4

// atOnce is how many builds run side by side: linking keeps only one core busy, so even
// two cores are better used by two.
func atOnce() int {
	return max(1, min(runtime.NumCPU(), availableGiB()/gibPerBuild, 4))
}

// availableGiB is the memory that can be had, or 0 if the kernel does not say.
func availableGiB() int {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "MemAvailable:" {
			kib, err := strconv.Atoi(words[1])
			if err != nil {
				return 0
			}
			return kib >> 20
		}
	}
	return 0
}

// lines lets several commands write to one file. Each call is one line.
type lines struct {
	mu sync.Mutex
	to *os.File
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}
