package tools

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

type (
	fetcher func(context.Context, Step) (map[string][]string, error)
	maker   func(ctx context.Context, s Step, seen func(pkg string) bool) error
)

// schedule fetches the modules of all steps concurrently, and runs at most jobs builds
// concurrently, the longest of the fetched steps first. The first failure stops all steps.
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
			ready = slices.Delete(ready, at, at+1)
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

// longest returns the index in ready of the step that takes longest.
func longest(steps []Step, ready []int) int {
	best := 0
	for at, i := range ready {
		if steps[i].Seconds > steps[ready[best]].Seconds {
			best = at
		}
	}
	return best
}

// gibPerBuild is the peak memory of one go build on two cores: a compiler of a large package
// and a linker.
const gibPerBuild = 4

// atOnce returns the number of concurrent builds. Linking uses only one core, so two builds are
// faster even on two cores.
func atOnce() int {
	return max(1, min(runtime.NumCPU(), availableGiB()/gibPerBuild, 4))
}

// availableGiB returns the available memory; 0 if it is unknown.
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
