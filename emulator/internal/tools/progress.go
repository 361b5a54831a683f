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

// progress shows the progress of the steps: on a terminal, one line that is redrawn every
// second, and elsewhere a new line every minute.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	bar   *progressbar.ProgressBar // nil unless out is a terminal
	width int
	now   func() time.Time
	start time.Time
	steps []stepProgress
	spent float64   // seconds of work when it last grew; see work
	ends  time.Time // when all was expected to be done then
	stop  chan struct{}
	ended sync.WaitGroup
}

type stepProgress struct {
	name    string
	seconds int
	imports map[string][]string
	settled map[string]bool // whether go compiled a package, or had it in its build cache
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

// barWidth is the width of the bar, and barSpace of bar and percentage.
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

// compiling records that go starts to compile a package, so that its imports are compiled. It
// returns false if the step has no such package.
func (p *progress) compiling(step int, pkg string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.steps[step]
	if _, known := s.imports[pkg]; !known {
		return false
	}
	s.settle(pkg, true)
	return true
}

// settle records a package, and that its imports were in Go's build cache unless they have been
// recorded: go compiles a package after its imports.
func (s *stepProgress) settle(pkg string, compiled bool) {
	imports, known := s.imports[pkg]
	if _, settled := s.settled[pkg]; !known || settled {
		return
	}
	s.settled[pkg] = compiled
	for _, other := range imports {
		s.settle(other, false)
	}
}

// compiled returns the number of packages that go compiled.
func (s *stepProgress) compiled() int {
	n := 0
	for _, compiled := range s.settled {
		if compiled {
			n++
		}
	}
	return n
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

// linkShare is the part of a step's time that linking takes.
const linkShare = 0.1

// share returns how much of a step is done, from 0 to 1.
func (s *stepProgress) share() float64 {
	switch {
	case s.done:
		return 1
	case len(s.imports) == 0:
		return 0
	default:
		return (1 - linkShare) * float64(len(s.settled)) / float64(len(s.imports))
	}
}

// work returns the seconds of work that took time until now, and those that are expected. Seconds
// are those of a build without a cache; packages in Go's build cache take no time and count for
// neither. Whether a package is cached is known when go compiles one that imports it, and of all
// packages of a step when it is done. A package is compiled if one of its imports is, so the rest
// of a step that compiles is expected to be compiled, and other steps to have as many cached
// packages as those before them.
func (p *progress) work() (spent, left float64) {
	known, compiled := 0.0, 0.0
	for i := range p.steps {
		s := &p.steps[i]
		if len(s.imports) == 0 {
			continue
		}
		perPackage := float64(s.seconds) / float64(len(s.imports))
		compiled += perPackage * float64(s.compiled())
		if s.done {
			known += float64(s.seconds)
		} else {
			known += perPackage * float64(len(s.settled))
		}
	}
	missing := 1.0 // share of packages that are not cached
	if known > 0 {
		missing = compiled / known
	}
	for i := range p.steps {
		s := &p.steps[i]
		all := float64(s.seconds)
		took, rest := 0.0, 1.0 // shares of the packages
		if n := float64(len(s.imports)); n > 0 {
			took, rest = float64(s.compiled())/n, 1-float64(len(s.settled))/n
		}
		spent += (1 - linkShare) * all * took
		switch {
		case s.done:
			spent += linkShare * all
			continue
		case took == 0:
			rest *= missing
		}
		left += (1-linkShare)*all*rest + linkShare*all
	}
	return spent, left
}

// state returns how much of the work is done, from 0 to 1, and the line that shows it. The times
// come first, because a terminal shows only as much of the line as fits.
func (p *progress) state() (float64, string) {
	var all, done float64
	var finished, fetching, compiled, packages int
	var compiling, linking []string
	for i := range p.steps {
		s := &p.steps[i]
		all += float64(s.seconds)
		done += float64(s.seconds) * s.share()
		packages += len(s.imports)
		compiled += len(s.settled)
		switch {
		case s.done:
			finished++
			compiled += len(s.imports) - len(s.settled) // packages in Go's build cache
		case s.imports == nil:
			fetching++
		case !s.began.IsZero() && len(s.settled) == len(s.imports):
			linking = append(linking, s.name)
		case !s.began.IsZero():
			compiling = append(compiling, s.name)
		}
	}
	text := p.now().Sub(p.start).Round(time.Second).String()
	if left, known := p.remaining(p.work()); left > 0 {
		text += fmt.Sprintf(", about %s left", strings.Replace(left.String(), "m0s", "m", 1))
	} else if known {
		text += ", longer than estimated"
	}
	text += fmt.Sprintf("; step %d of %d, packages %d of %d", min(finished+1, len(p.steps)), len(p.steps), compiled, packages)
	if fetching > 0 {
		text += fmt.Sprintf("; downloading the modules of %d", fetching)
	}
	if len(compiling) > 0 {
		text += "; compiling " + strings.Join(compiling, ", ")
	}
	if len(linking) > 0 {
		text += "; linking " + strings.Join(linking, ", ")
	}
	return done / all, text
}

// remaining returns the estimated remaining time, in steps of half a minute. The estimate is
// updated when work was done, and counts down meanwhile, because nothing is known of the progress
// of linking. It is unknown while little is done, and 0 after the estimated time.
func (p *progress) remaining(spent, expected float64) (left time.Duration, known bool) {
	now := p.now()
	if spent > p.spent && spent >= 0.03*(spent+expected) {
		p.spent = spent
		p.ends = now.Add(time.Duration(float64(now.Sub(p.start)) * expected / spent))
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
	p.bar.Describe(fmt.Sprintf("%-*s", room, text)) // with padding the bar does not move
	_ = p.bar.Set(int(share * 100))                 // ignore errors of the terminal
}

// end removes the line from a terminal, and reports success.
func (p *progress) end(success bool) {
	close(p.stop)
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	if success {
		fmt.Fprintf(p.out, "all built in %s\n", p.now().Sub(p.start).Round(time.Second))
	}
}
