// Package pace shortens the waiting times of pods: probe periods, back-off, and sleep in
// containers. Limits of real work, such as a probe's timeout, are not scaled.
package pace

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const speed = 5

// Of returns the scaled duration of a wait.
func Of(wait time.Duration) time.Duration { return wait / speed }

// Sleep implements the program sleep in containers and returns its exit code. args are seconds,
// like those of GNU sleep without a unit.
func Sleep(args []string) int {
	var total time.Duration
	for _, arg := range args {
		seconds, err := strconv.ParseFloat(arg, 64)
		if err != nil || seconds < 0 {
			fmt.Fprintf(os.Stderr, "sleep: invalid time interval ‘%s’\n", arg)
			return 1
		}
		total += time.Duration(seconds * float64(time.Second))
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "sleep: missing operand")
		return 1
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-time.After(Of(total)):
		return 0
	case s := <-signals:
		number, _ := s.(syscall.Signal) // the only type on Unix
		return 128 + int(number)
	}
}
