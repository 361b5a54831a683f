package sandbox

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// sweep ends what a command that was killed has left, and reports whether there was
// anything: Pulumi's plugins and compilers are in process groups of their own and
// notice late. They are known by the temporary folder that this program gives its
// children; a shell with the emulator's environment loaded does not have it.
func (c *CLI) sweep(folder string) bool {
	mark := []byte("TMPDIR=" + folder + "\x00")
	swept := false
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found := false
		files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well-formed
		for _, file := range files {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil || pid == os.Getpid() {
				continue
			}
			// What cannot be read has ended, or is somebody else's.
			if env, err := os.ReadFile(file); err == nil && bytes.Contains(env, mark) {
				found, swept = true, true
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended since
			}
		}
		if !found {
			break
		}
	}
	return swept
}

// sweepCommands ends what is left of commands, and lets what they have sent to the
// cloud arrive.
func (c *CLI) sweepCommands() {
	if c.sweep(c.Layout.Tmp()) {
		time.Sleep(200 * time.Millisecond)
	}
}
