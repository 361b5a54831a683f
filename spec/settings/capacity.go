package settings

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/problem"
)

var reservation = regexp.MustCompile(`^(projects/[a-z0-9:.-]+/reservations/)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?(/reservationBlocks/[a-z0-9-]+)?$`)

// maxRun is the maximum lifetime of a flex-start node in GKE.
const maxRun = 7 * 24 * time.Hour

// optionKey is the key of an option of the capacity, counted from 0.
func optionKey(i int) string {
	if i == 0 {
		return keyOf("capacity")
	}
	return fmt.Sprintf("%s[%d]", keyOf("capacityFallbacks"), i-1)
}

func checkCapacity(c *Config) problem.List {
	var found problem.List
	options := c.Options()
	if len(c.Cluster.Existing.NodePools) > 0 && options.Fallback() {
		found.Add(keyOf("capacityFallbacks"), "", "is set, and so is "+clusterKey+".nodePools: existing node pools are used as they are, without fallbacks", "remove one of the two")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Adopt)) {
		if options.Fallback() && strings.HasPrefix(name, "slice-") {
			found.Add(keyOf("capacityFallbacks"), "", "is set, and so is sglang-tpu:adopt."+name+": an adopted node pool is not changed, so it lacks the label by which GKE recognizes the options", "remove one of the two")
		}
	}
	for i, option := range options {
		key := optionKey(i)
		found = append(found, checkOption(key, option)...)
		found = append(found, checkZones(key+".zones", option, c)...)
		found = append(found, checkAgainst(key, option, options[:i])...)
		if option.Mode == capacity.FlexStart && i < len(options)-1 {
			found.Add(key+".mode", option.Mode, "waits in Google's queue for up to seven days, so the options after it would not be tried", "put it last")
		}
	}
	return found
}

// checkZones checks the zones of an option. The default, gcp:zone, is checked elsewhere.
func checkZones(key string, option capacity.Capacity, c *Config) problem.List {
	var found problem.List
	for i, zone := range option.Zones {
		at := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case zone == c.Zone && i == 0:
		case !zoneName.MatchString(zone):
			found.Add(at, zone, "is not a zone", "use a zone such as us-central1-c")
		case zoneName.MatchString(c.Zone) && gke.RegionOf(zone) != c.Region:
			found.Add(at, zone, "is in another region than gcp:zone, but all nodes of a cluster are in one region", "use zones of "+c.Region)
		case slices.Contains(option.Zones[:i], zone):
			found.Add(at, zone, "is in the list twice", "remove one")
		}
	}
	if option.Mode == capacity.Reservation && len(option.Zones) > 1 {
		found.Add(key, strings.Join(option.Zones, " "), "are more than one zone, but a reservation is in one zone",
			"name only its zone; a reservation in another zone is another option")
	}
	return found
}

// checkAgainst compares an option with those before it.
func checkAgainst(key string, option capacity.Capacity, earlier capacity.Options) problem.List {
	var found problem.List
	for i, other := range earlier {
		switch {
		case option.ID() == other.ID():
			found.Add(key, "", "is the same as "+optionKey(i), "remove one of the two")
		case option.Reservation != "" && option.Reservation == other.Reservation && !slices.Equal(option.Zones, other.Zones):
			found.Add(key+".zones", strings.Join(option.Zones, " "), fmt.Sprintf("is not the zone of the same reservation in %s, which says %s", optionKey(i), strings.Join(other.Zones, " ")),
				"use the reservation's zone, and remove one of the two options")
		}
	}
	return found
}

// checkOption checks the mode and its fields.
func checkOption(key string, c capacity.Capacity) problem.List {
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
