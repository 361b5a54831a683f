package settings

import (
	"regexp"
	"time"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/problem"
)

var reservation = regexp.MustCompile(`^(projects/[a-z0-9:.-]+/reservations/)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?(/reservationBlocks/[a-z0-9-]+)?$`)

// maxRun is the longest that GKE lets a flex-start node live.
const maxRun = 7 * 24 * time.Hour

func checkCapacity(c capacity.Capacity) problem.List {
	const key = "sglang-tpu:capacity"
	var found problem.List
	switch {
	case c.Mode == capacity.Reservation && c.Reservation == "":
		found.Add(key+".reservation", "", "is empty, but mode is reservation",
			"name the reservation, or projects/P/reservations/NAME for a shared one")
	case c.Mode != capacity.Reservation && c.Reservation != "":
		found.Add(key+".reservation", c.Reservation, "is allowed only with mode reservation, and mode is "+c.Mode, "remove it, or set mode to reservation")
	case c.Reservation != "" && !reservation.MatchString(c.Reservation):
		found.Add(key+".reservation", c.Reservation, "is not a reservation's name",
			"use NAME, projects/P/reservations/NAME or projects/P/reservations/NAME/reservationBlocks/BLOCK")
	}
	if c.MaxRunDuration == "" {
		return found
	}
	limit, err := time.ParseDuration(c.MaxRunDuration)
	switch {
	case c.Mode != capacity.FlexStart:
		found.Add(key+".maxRunDuration", c.MaxRunDuration, "is allowed only with mode flex-start, and mode is "+c.Mode, "remove it")
	case err != nil:
		found.Add(key+".maxRunDuration", c.MaxRunDuration, "is not a duration", "use one such as 72h")
	case limit < 10*time.Minute || limit > maxRun:
		found.Add(key+".maxRunDuration", c.MaxRunDuration, "is out of range: GKE keeps a flex-start node for at most seven days", "use 10m to 168h")
	}
	return found
}
