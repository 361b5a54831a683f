package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

var (
	projectID   = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	zoneName    = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+-[a-z0-9]+$`)
	commitHash  = regexp.MustCompile(`^[0-9a-f]{40}$`)
	labelKey    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue  = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
	reservation = regexp.MustCompile(`^(projects/[a-z0-9:.-]+/reservations/)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?(/reservationBlocks/[a-z0-9-]+)?$`)
	gkeVersion  = regexp.MustCompile(`^1\.(\d+)(\.\d+(-gke\.\d+)?)?$`)
)

// maxRun is the longest that GKE lets a flex-start node live.
const maxRun = 7 * 24 * time.Hour

func invalid(key, value, why, remedy string) error {
	if value == "" {
		return fmt.Errorf("config %s: %s; %s", key, why, remedy)
	}
	return fmt.Errorf("config %s: %q %s; %s", key, value, why, remedy)
}

// because names the key in front of an error that already says what and why.
func because(key string, err error) error { return fmt.Errorf("config %s: %w", key, err) }

func list(names []string) string { return strings.Join(names, ", ") }

// regionOf drops the last part of a zone: us-central1-ai1a is in us-central1.
func regionOf(zone string) string {
	if i := strings.LastIndex(zone, "-"); i > 0 {
		return zone[:i]
	}
	return ""
}

func checkPlace(c Config) error {
	var errs []error
	if c.Project != "" && !projectID.MatchString(c.Project) {
		errs = append(errs, invalid("gcp:project", c.Project, "is not a project id",
			"use the id, not the name or number: 6 to 30 lower-case letters, digits and hyphens"))
	}
	if c.Zone != "" && !zoneName.MatchString(c.Zone) {
		errs = append(errs, invalid("gcp:zone", c.Zone, "is not a zone", "use a zone such as us-central1-c"))
	}
	return errors.Join(errs...)
}

func checkCapacity(c Capacity) error {
	const key = "sglang-tpu:capacity"
	var errs []error
	switch c.Mode {
	case "spot", "on-demand", "reservation", "flex-start":
	default:
		errs = append(errs, invalid(key+".mode", c.Mode, "is not a capacity mode",
			"use spot, on-demand, reservation or flex-start"))
	}
	switch {
	case c.Mode == "reservation" && c.Reservation == "":
		errs = append(errs, invalid(key+".reservation", "", "is empty, but mode is reservation",
			"name the reservation, or projects/P/reservations/NAME for a shared one"))
	case c.Mode != "reservation" && c.Reservation != "":
		errs = append(errs, invalid(key+".reservation", c.Reservation, "goes only with mode reservation, and mode is "+c.Mode,
			"set one of the two"))
	case c.Reservation != "" && !reservation.MatchString(c.Reservation):
		errs = append(errs, invalid(key+".reservation", c.Reservation, "is not a reservation's name",
			"use NAME, projects/P/reservations/NAME or projects/P/reservations/NAME/reservationBlocks/BLOCK"))
	}
	if c.MaxRunDuration != "" {
		limit, err := time.ParseDuration(c.MaxRunDuration)
		switch {
		case c.Mode != "flex-start":
			errs = append(errs, invalid(key+".maxRunDuration", c.MaxRunDuration, "goes only with mode flex-start, and mode is "+c.Mode, "remove it"))
		case err != nil:
			errs = append(errs, invalid(key+".maxRunDuration", c.MaxRunDuration, "is not a duration", "use one such as 72h"))
		case limit < 10*time.Minute || limit > maxRun:
			errs = append(errs, invalid(key+".maxRunDuration", c.MaxRunDuration, "is out of range: GKE keeps a flex-start node for at most seven days", "use 10m to 168h"))
		}
	}
	return errors.Join(errs...)
}

func checkImage(i Image) error {
	const key = "sglang-tpu:image"
	var errs []error
	switch i.Source {
	case "prebuilt":
		if i.Reference == "" {
			errs = append(errs, invalid(key+".reference", "", "is empty, but source is prebuilt", "give the image's reference, best with its @sha256 digest"))
		}
		if i.Repository+i.Commit+i.Dockerfile != "" || len(i.BuildArgs) > 0 {
			errs = append(errs, invalid(key, "", "repository, commit, dockerfile and buildArgs go only with source build", "remove them"))
		}
	case "", "build":
		if i.Reference != "" {
			errs = append(errs, invalid(key+".reference", i.Reference, "goes only with source prebuilt", "remove it, or set source to prebuilt"))
		}
		if i.Commit != "" && !commitHash.MatchString(i.Commit) {
			errs = append(errs, invalid(key+".commit", i.Commit, "is not a commit: a branch or tag moves, so the same configuration would build different images",
				"use the 40 hexadecimal digits that git rev-parse prints"))
		}
		if i.Repository != "" && !strings.HasPrefix(i.Repository, "https://") {
			errs = append(errs, invalid(key+".repository", i.Repository, "is not an https address, which is what the builder can fetch", "use one such as https://github.com/sgl-project/sglang-jax.git"))
		}
	default:
		errs = append(errs, invalid(key+".source", i.Source, "is not an image source", "use build or prebuilt"))
	}
	return errors.Join(errs...)
}

func checkNetwork(n Network) error {
	const key = "sglang-tpu:network"
	var errs []error
	type named struct {
		key string
		net netip.Prefix
	}
	var ranges []named
	for _, r := range []struct{ field, value string }{
		{"nodes", n.Nodes}, {"pods", n.Pods}, {"services", n.Services}, {"controlPlane", n.ControlPlane},
	} {
		prefix, err := netip.ParsePrefix(r.value)
		if err != nil || !prefix.Addr().Is4() || prefix.Masked() != prefix {
			errs = append(errs, invalid(key+"."+r.field, r.value, "is not an IPv4 range in CIDR notation", "use one such as 10.4.0.0/14, with the host bits zero"))
			continue
		}
		if r.field == "controlPlane" && prefix.Bits() != 28 {
			errs = append(errs, invalid(key+".controlPlane", r.value, "is not a /28, which is what GKE takes for a control plane", "use one such as 172.16.0.0/28"))
		}
		for _, other := range ranges {
			if prefix.Overlaps(other.net) {
				errs = append(errs, invalid(key+"."+r.field, r.value, fmt.Sprintf("overlaps %s (%s)", other.key, other.net), "use ranges that share no address"))
			}
		}
		ranges = append(ranges, named{key + "." + r.field, prefix})
	}
	for i, value := range n.AuthorizedNetworks {
		field := fmt.Sprintf("%s.authorizedNetworks[%d]", key, i)
		prefix, err := netip.ParsePrefix(value)
		switch {
		case err != nil || prefix.Masked() != prefix:
			errs = append(errs, invalid(field, value, "is not a range in CIDR notation", "use one such as 203.0.113.7/32"))
		case prefix.Bits() == 0:
			errs = append(errs, invalid(field, value, "opens the control plane to every address there is", "name your own ranges, or leave the list empty and use the DNS endpoint"))
		}
	}
	return errors.Join(errs...)
}

func checkSizes(c Config) error {
	var errs []error
	for _, s := range []struct {
		key      string
		value    int
		min, max int
		unit     string
	}{
		{"sglang-tpu:replicas", c.Replicas, 0, 100, "groups"},
		{"sglang-tpu:readyMinutes", int(c.Ready / time.Minute), 1, 24 * 60, "minutes"},
		{"sglang-tpu:systemPool.nodes", c.SystemPool.Nodes, 1, 100, "nodes"},
		{"sglang-tpu:cache.sizeGiB", c.Cache.SizeGiB, 0, 64 << 10, "GiB"},
		{"sglang-tpu:cache.iops", c.Cache.IOPS, 3000, 160000, "operations per second"},
		{"sglang-tpu:cache.throughputMiB", c.Cache.ThroughputMiB, 140, 2400, "MiB per second"},
	} {
		if s.value < s.min || s.value > s.max {
			errs = append(errs, invalid(s.key, strconv.Itoa(s.value), "is out of range", fmt.Sprintf("use %d to %d %s", s.min, s.max, s.unit)))
		}
	}
	if most := c.Cache.IOPS / 4; c.Cache.ThroughputMiB > most {
		errs = append(errs, invalid("sglang-tpu:cache.throughputMiB", strconv.Itoa(c.Cache.ThroughputMiB),
			fmt.Sprintf("is more than a quarter of cache.iops (%d), and Hyperdisk Balanced gives no more", c.Cache.IOPS),
			fmt.Sprintf("use at most %d, or raise cache.iops to %d", most, 4*c.Cache.ThroughputMiB)))
	}
	if c.SystemPool.MachineType == "" {
		errs = append(errs, invalid("sglang-tpu:systemPool.machineType", "", "is empty", "use one such as e2-standard-8"))
	}
	return errors.Join(errs...)
}

func checkGKE(g GKE) error {
	const key = "sglang-tpu:gke"
	var errs []error
	switch g.ReleaseChannel {
	case "RAPID", "REGULAR", "STABLE":
	default:
		errs = append(errs, invalid(key+".releaseChannel", g.ReleaseChannel, "is not a release channel", "use RAPID, REGULAR or STABLE"))
	}
	match := gkeVersion.FindStringSubmatch(g.MinVersion)
	if match == nil {
		return errors.Join(append(errs, invalid(key+".minVersion", g.MinVersion, "is not a GKE version", "use one such as 1.35 or 1.34.0-gke.2201000"))...)
	}
	if minor, err := strconv.Atoi(match[1]); err != nil || minor < 34 {
		errs = append(errs, invalid(key+".minVersion", g.MinVersion, "has no tpu7x, which needs 1.34.0-gke.2201000", "use 1.35 or newer"))
	}
	return errors.Join(errs...)
}

func checkLabels(labels map[string]string) error {
	keys := make([]string, 0, len(labels))
	for key := range labels {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var errs []error
	for _, key := range keys {
		if !labelKey.MatchString(key) || !labelValue.MatchString(labels[key]) {
			errs = append(errs, invalid("sglang-tpu:labels."+key, labels[key], "is not a Google Cloud label",
				"use lower-case letters, digits, hyphens and underscores, at most 63, beginning with a letter"))
		}
	}
	return errors.Join(errs...)
}

// fields lists the settings of an object by their JSON names.
func fields(of any) []string {
	t := reflect.TypeOf(of).Elem()
	if t.Kind() != reflect.Struct {
		return []string{"NAME"} // a map has the names that its user gives it
	}
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("json"))
	}
	return names
}

// kind says a Go kind in words that a YAML writer knows.
func kind(goKind string) string {
	switch goKind {
	case "int":
		return "a whole number"
	case "slice":
		return "a list"
	case "map", "struct":
		return "an object"
	default:
		return "a " + goKind
	}
}
