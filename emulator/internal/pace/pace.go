// Package pace shortens the times that pods wait: probe periods, back-off, and sleep in
// their containers. Limits of real work, such as a probe's timeout, stay as they are.
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

// Of is how long a wait takes here.
func Of(wait time.Duration) time.Duration { return wait / speed }

// Sleep is the program that containers find as sleep; args are seconds, as GNU's takes
// them without a unit. It returns the exit code.
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
		number, _ := s.(syscall.Signal) // it is nothing else
		return 128 + int(number)
	}
}
