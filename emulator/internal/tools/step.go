package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Step is one go build.
type Step struct {
	Name     string
	Dir      string   // the module's folder
	Flags    []string // of go build
	Packages []string
	// Seconds is the measured duration of a first build on two cores. It determines the order
	// of builds and the estimated time.
	Seconds int
	// Place moves the result to its path; nil if go build writes it there.
	Place func() error
}

// command returns a go command in the step's folder. Canceling it also ends its children. All
// builds use the same settings, so that shared packages are compiled once: none uses cgo, and
// none uses -trimpath, because the language host cannot be configured to use it.
func (s Step) command(ctx context.Context, tmp string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "TMPDIR="+tmp)
	if os.Getenv("GOGC") == "" && availableGiB() >= 2*gibPerBuild {
		cmd.Env = append(cmd.Env, "GOGC="+compilerGOGC)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// compilerGOGC is GOGC for compilers and linkers if there is enough memory. For the largest
// package of Pulumi's Kubernetes SDK, it was measured to reduce CPU time from 40 s to 30 s and
// to increase memory from 2.8 GiB to 3.4 GiB.
const compilerGOGC = "400"

// fetch downloads the modules that the step needs, and returns the imports of each package.
func (s Step) fetch(ctx context.Context, tmp string, log *log.Logger) (map[string][]string, error) {
	said := &transcript{log: log, prefix: s.Name}
	cmd := s.command(ctx, tmp, append([]string{"list", "-deps", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`}, s.Packages...)...)
	cmd.Stderr = said
	out, err := cmd.Output()
	if err != nil {
		return nil, s.failed(ctx, err, said)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) > 0 {
			imports[words[0]] = words[1:]
		}
	}
	return imports, nil
}

// build compiles and links. It calls seen with each package that go starts to compile.
func (s Step) build(ctx context.Context, tmp string, log *log.Logger, seen func(pkg string) bool) error {
	said := &transcript{log: log, prefix: s.Name, skip: seen}
	args := append([]string{"build", "-v"}, s.Flags...)
	cmd := s.command(ctx, tmp, append(args, s.Packages...)...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		return s.failed(ctx, err, said)
	}
	if s.Place == nil {
		return nil
	}
	return s.Place()
}

func (s Step) failed(ctx context.Context, err error, said *transcript) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := said.tail()
	return fmt.Errorf("building %s failed: %w\n%s%s", s.Name, err, text, advice(text))
}

// transcript writes every line of a command's output to the log, and stores the last lines that
// are neither progress nor downloads.
type transcript struct {
	log    *log.Logger
	prefix string
	skip   func(line string) bool
	last   []string
	rest   string
}

const tailLines = 15

func (t *transcript) Write(p []byte) (int, error) {
	text := t.rest + string(p)
	for {
		line, after, whole := strings.Cut(text, "\n")
		if !whole {
			t.rest = text
			return len(p), nil
		}
		text = after
		t.line(line)
	}
}

func (t *transcript) line(line string) {
	t.log.Printf("%s: %s", t.prefix, line)
	if strings.HasPrefix(line, "go: downloading ") || t.skip != nil && t.skip(line) {
		return
	}
	t.last = append(t.last, line)
	t.last = t.last[max(0, len(t.last)-tailLines):]
}

func (t *transcript) tail() string {
	if t.rest != "" {
		t.line(t.rest)
		t.rest = ""
	}
	return strings.Join(t.last, "\n")
}

// advice returns the remedy for a common cause of failure; empty for other causes.
func advice(out string) string {
	for sign, what := range map[string]string{
		"dial tcp":                "\nThe modules could not be downloaded; check the network, or set GOPROXY to a module proxy that you can reach.",
		"i/o timeout":             "\nThe modules could not be downloaded; check the network, or set GOPROXY to a module proxy that you can reach.",
		"no space left on device": "\nThe disk is full; `go clean -cache` frees Go's build cache.",
		"signal: killed":          "\nThe compiler was killed, most likely because of too little memory: 4 GiB are enough.",
		"requires go >=":          "\nYour Go is too old; install Go 1.26 or newer.",
	} {
		if strings.Contains(out, sign) {
			return what
		}
	}
	return ""
}

// Run builds the steps; see schedule. The output of the commands goes to a log file; the error of
// a failed step has the end of it.
func Run(ctx context.Context, steps []Step, logFile, tmp string, out io.Writer) error {
	for _, dir := range []string{filepath.Dir(logFile), tmp} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	file, err := os.Create(logFile)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "building %s; downloads and compiler output go to %s\n", names(steps), logFile)
	log := log.New(file, "", 0)
	show := newProgress(out, terminalWidth(out), steps)
	err = schedule(ctx, steps, atOnce(), show, func(ctx context.Context, s Step) (map[string][]string, error) {
		return s.fetch(ctx, tmp, log)
	}, func(ctx context.Context, s Step, seen func(string) bool) error {
		return s.build(ctx, tmp, log, seen)
	})
	show.end(err == nil)
	return errors.Join(err, file.Close())
}
