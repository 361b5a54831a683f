package settings

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"sglang-tpu/spec/capacity"
)

// Capacity says where chips come from; exactly one mode.
type Capacity struct {
	Mode           string `json:"mode"`
	Reservation    string `json:"reservation"`    // only with mode reservation
	MaxRunDuration string `json:"maxRunDuration"` // only with mode flex-start; Go duration, at most 168h; empty: no limit of ours
}

var reservation = regexp.MustCompile(`^(projects/[a-z0-9:.-]+/reservations/)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?(/reservationBlocks/[a-z0-9-]+)?$`)

// maxRun is the longest that GKE lets a flex-start node live.
const maxRun = 7 * 24 * time.Hour

func checkCapacity(c Capacity) error {
	const key = "sglang-tpu:capacity"
	var errs []error
	switch c.Mode {
	case capacity.Spot, capacity.OnDemand, capacity.Reservation, capacity.FlexStart:
	default:
		errs = append(errs, invalid(key+".mode", c.Mode, "is not a capacity mode",
			"use spot, on-demand, reservation or flex-start"))
	}
	switch {
	case c.Mode == capacity.Reservation && c.Reservation == "":
		errs = append(errs, invalid(key+".reservation", "", "is empty, but mode is reservation",
			"name the reservation, or projects/P/reservations/NAME for a shared one"))
	case c.Mode != capacity.Reservation && c.Reservation != "":
		errs = append(errs, invalid(key+".reservation", c.Reservation, "goes only with mode reservation, and mode is "+c.Mode,
			"set one of the two"))
	case c.Reservation != "" && !reservation.MatchString(c.Reservation):
		errs = append(errs, invalid(key+".reservation", c.Reservation, "is not a reservation's name",
			"use NAME, projects/P/reservations/NAME or projects/P/reservations/NAME/reservationBlocks/BLOCK"))
	}
	if c.MaxRunDuration != "" {
		limit, err := time.ParseDuration(c.MaxRunDuration)
		switch {
		case c.Mode != capacity.FlexStart:
			errs = append(errs, invalid(key+".maxRunDuration", c.MaxRunDuration, "goes only with mode flex-start, and mode is "+c.Mode, "remove it"))
		case err != nil:
			errs = append(errs, invalid(key+".maxRunDuration", c.MaxRunDuration, "is not a duration", "use one such as 72h"))
		case limit < 10*time.Minute || limit > maxRun:
			errs = append(errs, invalid(key+".maxRunDuration", c.MaxRunDuration, "is out of range: GKE keeps a flex-start node for at most seven days", "use 10m to 168h"))
		}
	}
	return errors.Join(errs...)
}

// warnCapacity says what of the mode may surprise. A selector for the node pool instead of
// exclusive topology would let all pods of a group ask at once, but groups share their
// templates: it would be right for one group only, and to add a second one would then
// replace the LeaderWorkerSet.
func warnCapacity(c Config) []string {
	if c.Capacity.Mode != capacity.FlexStart || !c.Topology.MultiHost() || c.Replicas == 0 {
		return nil
	}
	return []string{fmt.Sprintf("config sglang-tpu:capacity.mode: with flex-start only the leader of each group asks for its slice of %d hosts; the workers exist once it has one. "+
		"GKE documents that such a slice comes as a whole, and one report says that it never came; if the leader stays Pending after Google's queue, use another mode", c.Topology.Hosts())}
}

// MaxRunSeconds is MaxRunDuration as the API takes it, such as "259200s"; empty when
// there is none. The value has been checked.
func (c Capacity) MaxRunSeconds() string {
	d, err := time.ParseDuration(c.MaxRunDuration)
	if err != nil {
		return ""
	}
	return strconv.Itoa(int(d.Seconds())) + "s"
}

// patience is how long up waits for the model server: as many minutes as were asked
// for, or with 0 what the mode takes.
func (c Capacity) patience(minutes int) time.Duration {
	switch {
	case minutes > 0:
		return time.Duration(minutes) * time.Minute
	case c.Mode == capacity.FlexStart:
		return readyQueue
	default:
		return ready
	}
}
