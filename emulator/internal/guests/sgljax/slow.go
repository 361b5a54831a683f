package sgljax

import (
	"errors"
	"strconv"
	"time"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/guests/socket"
)

// loadSlowly takes the time that somebody has set for this pod, as a real server takes
// minutes to load and compile. What is no number of seconds is an exception's text.
func (m *machine) loadSlowly() error {
	var said cloud.Fault
	if err := socket.Post(m.socket, "/cloud/faults/take", cloud.Fault{On: "load", Match: m.pod}, &said); err != nil || said.Text == "" {
		return err
	}
	seconds, err := strconv.ParseFloat(said.Text, 64)
	if err != nil {
		return errors.New(said.Text)
	}
	say("Load weight begin. it takes %g s", seconds)
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	return nil
}
