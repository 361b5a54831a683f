package tools

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far the steps are: one line that is redrawn each second on a
// terminal, and a line a minute elsewhere.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	bar   *progressbar.ProgressBar // nil unless out is a terminal
	width int
	now   func() time.Time
	start time.Time
	steps []stepProgress
	done  float64   // share of the work when it last grew
	ends  time.Time // when all was expected to be done then
	stop  chan struct{}
	ended sync.WaitGroup
}

type stepProgress struct {
	name    string
	seconds int
	imports map[string][]string
	settled map[string]bool // packages that are compiled, or were
	began   time.Time
	done    bool
}

// terminalWidth is 0 if out is no terminal.
func terminalWidth(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		return width
	}
	return 80
}

// newProgress draws for a terminal of some width; 0 is no terminal.
func newProgress(out io.Writer, width int, steps []Step) *progress {
	p := &progress{out: out, now: time.Now, start: time.Now(), stop: make(chan struct{})}
	for _, s := range steps {
		p.steps = append(p.steps, stepProgress{name: s.Name, seconds: max(1, s.Seconds), settled: map[string]bool{}})
	}
	every := time.Minute
	if width > 0 {
		p.width = width
		p.bar = progressbar.NewOptions(100, progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(barWidth),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
		every = time.Second
	}
	p.ended.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.draw()
			}
		}
	})
	return p
}

// barWidth is the bar's own; it and the percentage beside it take barSpace.
const (
	barWidth = 10
	barSpace = barWidth + 10
)

func (p *progress) fetched(step int, imports map[string][]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps[step].imports = imports
}

func (p *progress) began(step int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps[step].began = p.now()
}

// compiling records that go begins to compile a package, so that all of its imports are done.
// False if the step has no such package: the line is something else.
func (p *progress) compiling(step int, pkg string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.steps[step]
	if _, known := s.imports[pkg]; !known {
		return false
	}
	s.settle(pkg)
	return true
}

func (s *stepProgress) settle(pkg string) {
	imports, known := s.imports[pkg]
	if !known || s.settled[pkg] {
		return
	}
	s.settled[pkg] = true
	for _, other := range imports {
		s.settle(other)
	}
}

func (p *progress) built(step int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.steps[step]
	s.done = true
	if p.bar == nil {
		fmt.Fprintf(p.out, "%s: built in %s\n", s.name, p.now().Sub(s.began).Round(time.Second))
	}
}

// share is the part of a step that is done. Linking, after the last package, is taken
// for a tenth.
func (s stepProgress) share() float64 {
	switch {
	case s.done:
		return 1
	case len(s.imports) == 0:
		return 0
	default:
		return 0.9 * float64(len(s.settled)) / float64(len(s.imports))
	}
}

// state is the share of all work that is done, and the line that says it.
func (p *progress) state() (float64, string) {
	var all, done float64
	var finished, fetching, compiled, packages int
	var compiling, linking []string
	for _, s := range p.steps {
		all += float64(s.seconds)
		done += float64(s.seconds) * s.share()
		packages += len(s.imports)
		compiled += len(s.settled)
		switch {
		case s.done:
			finished++
			compiled += len(s.imports) - len(s.settled) // what Go's cache had
		case s.imports == nil:
			fetching++
		case !s.began.IsZero() && len(s.settled) == len(s.imports):
			linking = append(linking, s.name)
		case !s.began.IsZero():
			compiling = append(compiling, s.name)
		}
	}
	share := done / all
	elapsed := p.now().Sub(p.start)
	text := fmt.Sprintf("step %d of %d, packages %d of %d, %s", min(finished+1, len(p.steps)), len(p.steps), compiled, packages, elapsed.Round(time.Second))
	if left, known := p.remaining(share); left > 0 {
		text += fmt.Sprintf(", about %s left", strings.Replace(left.String(), "m0s", "m", 1))
	} else if known {
		text += ", longer than estimated"
	}
	if fetching > 0 {
		text += fmt.Sprintf("; downloading the modules of %d", fetching)
	}
	if len(compiling) > 0 {
		text += "; compiling " + strings.Join(compiling, ", ")
	}
	if len(linking) > 0 {
		text += "; linking " + strings.Join(linking, ", ")
	}
	return share, text
}

// remaining is the time until all is done at the speed so far, to the half minute. It is
// estimated whenever the share grows, and counts down meanwhile: linking takes a minute in
// which nothing grows. It is not known while too little is done, and 0 once it has run out.
func (p *progress) remaining(share float64) (left time.Duration, known bool) {
	now := p.now()
	if share > p.done && share >= 0.03 {
		p.done = share
		p.ends = now.Add(time.Duration(float64(now.Sub(p.start)) * (1 - share) / share))
	}
	if p.ends.IsZero() || !p.ends.After(now) {
		return 0, !p.ends.IsZero()
	}
	const step = 30 * time.Second
	return max(step, p.ends.Sub(now).Round(step)), true
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	share, text := p.state()
	if p.bar == nil {
		fmt.Fprintln(p.out, text)
		return
	}
	room := max(0, p.width-barSpace)
	if len(text) > room {
		text = text[:max(0, room-3)] + "..."
	}
	p.bar.Describe(fmt.Sprintf("%-*s", room, text)) // so that the bar stays where it is
	_ = p.bar.Set(int(share * 100))                 // a terminal that cannot be written to is no reason to stop
}

// end removes the live line.
func (p *progress) end(well bool) {
	close(p.stop)
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	if well {
		fmt.Fprintf(p.out, "all built in %s\n", p.now().Sub(p.start).Round(time.Second))
	}
}
