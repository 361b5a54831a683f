package sgljax

import (
	"errors"
	"strconv"
	"time"
)

// loadSlowly applies the pod's fault: a longer duration of loading in seconds, or an exception.
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
