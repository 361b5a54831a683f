package settings

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/existing"
	"sglang-tpu/spec/gke"
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

func (l *loader) checkCapacity() {
	options := l.Options()
	if len(l.Cluster.Existing.NodePools) > 0 && options.Fallback() {
		l.found.Add(keyOf("capacityFallbacks"), "", "is set, and so is "+existing.ClusterKey+".nodePools: existing node pools are used as they are, without fallbacks", "remove one of the two")
	}
	for _, name := range slices.Sorted(maps.Keys(l.Adopt)) {
		if options.Fallback() && strings.HasPrefix(name, "slice-") {
			l.found.Add(keyOf("capacityFallbacks"), "", "is set, and so is sglang-tpu:adopt."+name+": an adopted node pool is not changed, so it lacks the label by which GKE recognizes the options", "remove one of the two")
		}
	}
	for i, option := range options {
		key := optionKey(i)
		l.checkOption(key, option)
		l.checkZones(key+".zones", option)
		l.checkAgainst(key, option, options[:i])
		if option.Mode == capacity.FlexStart && i < len(options)-1 {
			l.found.Add(key+".mode", option.Mode, "waits in Google's queue for up to seven days, so the options after it would not be tried", "put it last")
		}
	}
}

// checkZones checks the zones of an option. The default, gcp:zone, is checked elsewhere.
func (l *loader) checkZones(key string, option capacity.Capacity) {
	for i, zone := range option.Zones {
		at := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case zone == l.Zone && i == 0:
		case !zoneName.MatchString(zone):
			l.found.Add(at, zone, "is not a zone", "use a zone such as us-central1-c")
		case zoneName.MatchString(l.Zone) && gke.RegionOf(zone) != l.Region:
			l.found.Add(at, zone, "is in another region than gcp:zone, but all nodes of a cluster are in one region", "use zones of "+l.Region)
		case slices.Contains(option.Zones[:i], zone):
			l.found.Add(at, zone, "is in the list twice", "remove one")
		}
	}
	if option.Mode == capacity.Reservation && len(option.Zones) > 1 {
		l.found.Add(key, strings.Join(option.Zones, " "), "are more than one zone, but a reservation is in one zone",
			"name only its zone; a reservation in another zone is another option")
	}
}

// checkAgainst compares an option with those before it.
func (l *loader) checkAgainst(key string, option capacity.Capacity, earlier capacity.Options) {
	for i, other := range earlier {
		switch {
		case option.ID() == other.ID():
			l.found.Add(key, "", "is the same as "+optionKey(i), "remove one of the two")
		case option.Reservation != "" && option.Reservation == other.Reservation && !slices.Equal(option.Zones, other.Zones):
			l.found.Add(key+".zones", strings.Join(option.Zones, " "), fmt.Sprintf("differs from the zone of the same reservation in %s: %s", optionKey(i), strings.Join(other.Zones, " ")),
				"use the reservation's zone, and remove one of the two options")
		}
	}
}

// checkOption checks the mode and its fields.
func (l *loader) checkOption(key string, o capacity.Capacity) {
	switch {
	case o.Mode == capacity.Reservation && o.Reservation == "":
		l.found.Add(key+".reservation", "", "is empty, but mode is reservation",
			"name the reservation, or projects/P/reservations/NAME for a shared one")
	case o.Mode != capacity.Reservation && o.Reservation != "":
		l.found.Add(key+".reservation", o.Reservation, "is allowed only with mode reservation, and mode is "+o.Mode, "remove it, or set mode to reservation")
	case o.Reservation != "" && !reservation.MatchString(o.Reservation):
		l.found.Add(key+".reservation", o.Reservation, "is not a reservation's name",
			"use NAME, projects/P/reservations/NAME or projects/P/reservations/NAME/reservationBlocks/BLOCK")
	}
	switch limit, err := time.ParseDuration(o.MaxRunDuration); {
	case o.MaxRunDuration == "":
	case o.Mode != capacity.FlexStart:
		l.found.Add(key+".maxRunDuration", o.MaxRunDuration, "is allowed only with mode flex-start, and mode is "+o.Mode, "remove it")
	case err != nil:
		l.found.Add(key+".maxRunDuration", o.MaxRunDuration, "is not a duration", "use one such as 72h")
	case limit < 10*time.Minute || limit > maxRun:
		l.found.Add(key+".maxRunDuration", o.MaxRunDuration, "is out of range: GKE keeps a flex-start node for at most seven days", "use 10m to 168h")
	}
}
