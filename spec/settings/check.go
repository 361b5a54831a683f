package settings

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"sglang-tpu/spec/secretversion"
)

var (
	projectID  = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	zoneName   = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+-[a-z0-9]+$`)
	labelKey   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
	gkeVersion = regexp.MustCompile(`^1\.(\d+)(\.\d+(-gke\.\d+)?)?$`)
)

func invalid(key, value, why, remedy string) error {
	if value == "" {
		return fmt.Errorf("config %s: %s; %s", key, why, remedy)
	}
	return fmt.Errorf("config %s: %q %s; %s", key, value, why, remedy)
}

// because names the key in front of errors that already say what and why.
func because(key string, err error) error {
	var errs []error
	for _, line := range lines(err) {
		errs = append(errs, fmt.Errorf("config %s: %s", key, line))
	}
	return errors.Join(errs...)
}

// lines are the errors that are joined in one.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func list(names []string) string { return strings.Join(names, ", ") }

// regionOf drops the last part of a zone: us-central1-ai1a is in us-central1.
func regionOf(zone string) string {
	if i := strings.LastIndex(zone, "-"); i > 0 {
		return zone[:i]
	}
	return ""
}

// seenZones are those where somebody has seen tpu7x. The list is surely incomplete, so
// that another zone is a warning.
var seenZones = []string{"us-central1-c", "us-central1-ai1a"}

func warnPlace(zone string) []string {
	if contains(seenZones, zone) {
		return nil
	}
	return []string{fmt.Sprintf("config gcp:zone: nobody has told this program of tpu7x in %s; it was seen in %s", zone, list(seenZones))}
}

// placeholders are what the checked-in environments hold where only their user knows the
// value. Google Cloud would be asked for somebody else's project.
const (
	placeholderProject     = "your-project-id"
	placeholderReservation = "your-reservation"
)

func checkPlaceholders(c Config) error {
	var errs []error
	if c.Project == placeholderProject {
		errs = append(errs, invalid("gcp:project", c.Project, "stands for the id of a project of yours", "run: pulumi config set gcp:project PROJECT"))
	}
	for _, part := range strings.Split(c.Capacity.Reservation, "/") {
		if part == placeholderReservation || part == placeholderProject {
			errs = append(errs, invalid("sglang-tpu:capacity.reservation", c.Capacity.Reservation, "stands for the name of a reservation of yours",
				"run: pulumi config set --path sglang-tpu:capacity.reservation NAME"))
			break
		}
	}
	return errors.Join(errs...)
}

// checkPlace takes the region that is configured, or nothing.
func checkPlace(c Config, region string) error {
	var errs []error
	if c.Project != "" && !projectID.MatchString(c.Project) {
		errs = append(errs, invalid("gcp:project", c.Project, "is not a project id",
			"use the id, not the name or number: 6 to 30 lower-case letters, digits and hyphens"))
	}
	if c.Zone != "" && !zoneName.MatchString(c.Zone) {
		errs = append(errs, invalid("gcp:zone", c.Zone, "is not a zone", "use a zone such as us-central1-c"))
	} else if region != "" && c.Zone != "" && region != c.Region {
		errs = append(errs, invalid("gcp:region", region, "is not the region of gcp:zone, which is "+c.Region, "remove it; the region follows from the zone"))
	}
	return errors.Join(errs...)
}

func checkSizes(c Config, minutes int) error {
	var errs []error
	for _, s := range []struct {
		key      string
		value    int
		min, max int
		unit     string
	}{
		{"sglang-tpu:replicas", c.Replicas, 0, 100, "groups"},
		{"sglang-tpu:readyMinutes", minutes, 0, 7 * 24 * 60, "minutes"},
		{"sglang-tpu:systemPool.nodes", c.SystemPool.Nodes, 1, 100, "nodes"},
	} {
		errs = append(errs, inRange(s.key, s.value, s.min, s.max, s.unit))
	}
	if c.SystemPool.MachineType == "" {
		errs = append(errs, invalid("sglang-tpu:systemPool.machineType", "", "is empty", "use one such as e2-standard-8"))
	}
	return errors.Join(errs...)
}

// inRange says why a number cannot be; nil if it can.
func inRange(key string, value, least, most int, unit string) error {
	if value >= least && value <= most {
		return nil
	}
	return invalid(key, strconv.Itoa(value), "is out of range", fmt.Sprintf("use %d to %d %s", least, most, unit))
}

var kmsKey = regexp.MustCompile(`^projects/[^/]+/locations/([^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+$`)

// checkToken wants the token in one place.
func checkToken(c Config) error {
	switch {
	case c.HFTokenSecret == "":
		return nil
	case c.HasHFToken:
		return invalid("sglang-tpu:hfTokenSecret", c.HFTokenSecret, "is set, and sglang-tpu:hfToken too", "remove one of the two")
	default:
		return because("sglang-tpu:hfTokenSecret", secretversion.Check(c.HFTokenSecret))
	}
}

func checkGKE(g GKE, region string) error {
	const key = "sglang-tpu:gke"
	var errs []error
	switch g.ReleaseChannel {
	case "RAPID", "REGULAR", "STABLE":
	default:
		errs = append(errs, invalid(key+".releaseChannel", g.ReleaseChannel, "is not a release channel", "use RAPID, REGULAR or STABLE"))
	}
	if g.SecretsKey != "" {
		key := kmsKey.FindStringSubmatch(g.SecretsKey)
		switch {
		case key == nil:
			errs = append(errs, invalid("sglang-tpu:gke.secretsKey", g.SecretsKey, "is not a Cloud KMS key",
				"use projects/P/locations/R/keyRings/RING/cryptoKeys/KEY"))
		case region != "" && key[1] != region:
			errs = append(errs, invalid("sglang-tpu:gke.secretsKey", g.SecretsKey, "is not in the cluster's region",
				"use a key in "+region))
		}
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

// warnEncryption says what every preview of an encrypted cluster shows. To ignore the
// property would be worse: Pulumi then takes the value of its state for it, which after a
// refresh is one that this provider refuses, and none for a key that is added later.
func warnEncryption(g GKE) []string {
	// A cluster of an older version is upgraded to 1.35 in time.
	if g.SecretsKey == "" {
		return nil
	}
	return []string{"config sglang-tpu:gke.secretsKey: GKE 1.35 and newer call the cluster's databaseEncryption.state ALL_OBJECTS_ENCRYPTION_ENABLED, " +
		"which this provider takes for a change to ENCRYPTED at each preview; the update that follows changes nothing"}
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
