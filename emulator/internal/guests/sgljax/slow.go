package sgljax

import (
	"errors"
	"strconv"
	"time"
)

// loadSlowly takes the time of the fault that is set for this pod, as a real server takes
// minutes to load and compile. What is no number of seconds is an exception's text.
func (m *machine) loadSlowly() error {
	text, err := m.TakeFault("load", m.Pod)
	if err != nil || text == "" {
		return err
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return errors.New(text)
	}
	say("Load weight begin. it takes %g s", seconds)
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	return nil
}
