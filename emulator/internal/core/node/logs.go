package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
)

// logFile is the output of one run of a container, with a timestamp before each line.
type logFile struct {
	file string
	mu   sync.Mutex
	out  *os.File
	done chan struct{}
	once sync.Once
}

func openLog(file string) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	return &logFile{file: file, out: out, done: make(chan struct{})}, err
}

// copy reads until every process of the run has closed its end.
func (l *logFile) copy(from *os.File) {
	defer from.Close()
	reader := bufio.NewReader(from)
	for {
		line, err := reader.ReadString('\n')
		if line != "" {
			l.mu.Lock()
			// A failing log must not stop the process.
			_, _ = l.out.WriteString(time.Now().UTC().Format(time.RFC3339Nano) + " " + strings.TrimSuffix(line, "\n") + "\n")
			l.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// close closes the log after a moment in which the last lines can arrive.
func (l *logFile) close() {
	l.once.Do(func() {
		time.Sleep(20 * time.Millisecond)
		l.mu.Lock()
		_ = l.out.Close()
		l.mu.Unlock()
		close(l.done)
	})
}

// end returns the last bytes of the log without timestamps, at most limit.
func (l *logFile) end(limit int) string {
	text, err := os.ReadFile(l.file)
	if err != nil {
		return err.Error()
	}
	var plain []string
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		plain = append(plain, rest)
	}
	all := strings.Join(plain, "\n")
	return all[max(0, len(all)-limit):]
}

// logs serves kubectl logs.
func (c *members) logs(ctx context.Context, namespace, podName, name string, o api.ContainerLogOpts) (io.ReadCloser, error) {
	found, err := c.container(namespace, podName, name)
	if err != nil {
		return nil, err
	}
	found.mu.Lock()
	number, run := found.restarts, found.run
	if found.state.Waiting != nil && number > 0 {
		number-- // the next run has not started
	}
	found.mu.Unlock()
	if o.Previous {
		if number == 0 {
			return nil, errdefs.NotFound("previous terminated container \"" + name + "\" in pod \"" + podName + "\" not found")
		}
		number, run = number-1, nil
	}
	file, err := os.Open(filepath.Join(found.dir(), strconv.Itoa(int(number))+".log"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errdefs.InvalidInput("container \"" + name + "\" in pod \"" + podName + "\" is waiting to start: " + found.waitingFor())
	}
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(stream(ctx, file, writer, run, o)) }()
	return reader, nil
}

func (c *container) waitingFor() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Waiting != nil {
		return c.state.Waiting.Reason
	}
	return "ContainerCreating"
}

// stream copies a log file, and follows the run if the options say so.
func stream(ctx context.Context, file *os.File, to io.Writer, run *instance, o api.ContainerLogOpts) error {
	defer file.Close()
	since := o.SinceTime
	if o.SinceSeconds > 0 {
		since = time.Now().Add(-time.Duration(o.SinceSeconds) * time.Second)
	}
	reader := bufio.NewReader(file)
	written := func() (lines [][]byte) { // since the last call
		for {
			line, err := reader.ReadBytes('\n')
			if len(line) > 0 {
				lines = append(lines, line)
			}
			if err != nil {
				return lines
			}
		}
	}
	lines := slices.DeleteFunc(written(), func(line []byte) bool { return !notBefore(line, since) })
	if o.Tail > 0 {
		lines = lines[max(0, len(lines)-o.Tail):]
	}
	left := o.LimitBytes
	for ended := false; ; lines = written() {
		for _, line := range lines {
			if !o.Timestamps {
				_, line, _ = bytes.Cut(line, []byte(" "))
			}
			if o.LimitBytes > 0 {
				line = line[:min(len(line), left)]
				left -= len(line)
			}
			if _, err := to.Write(line); err != nil {
				return err
			}
		}
		if !o.Follow || run == nil || ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-run.log.done:
			ended = true
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// notBefore reports whether a line's timestamp is not before since.
func notBefore(line []byte, since time.Time) bool {
	if since.IsZero() {
		return true
	}
	stamp, _, _ := bytes.Cut(line, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	return err != nil || !at.Before(since)
}
