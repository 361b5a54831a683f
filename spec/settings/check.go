package settings

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/secretversion"
)

var (
	projectID   = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	zoneName    = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+-[a-z0-9]+$`)
	labelKey    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue  = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
	gkeVersion  = regexp.MustCompile(`^1\.(\d+)(\.\d+(-gke\.\d+)?)?$`)
	kmsKey      = regexp.MustCompile(`^projects/[^/]+/locations/([^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+$`)
	gitRevision = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
)

// placeholders are the values in the checked-in environments that users have to replace.
// Otherwise Google Cloud would be called with somebody else's project.
const (
	placeholderProject     = "your-project-id"
	placeholderReservation = "your-reservation"
)

func checkPlaceholders(c *Config) problem.List {
	var found problem.List
	if c.Project == placeholderProject {
		found.Add("gcp:project", c.Project, "is a placeholder for your project id", "run: pulumi config set gcp:project PROJECT")
	}
	for i, option := range c.Options() {
		key := optionKey(i) + ".reservation"
		for _, part := range strings.Split(option.Reservation, "/") {
			if part == placeholderReservation || part == placeholderProject {
				found.Add(key, option.Reservation, "is a placeholder for the name of your reservation", "run: pulumi config set --path "+key+" NAME")
				break
			}
		}
	}
	return found
}

// checkPlace checks project and zone, and the region if it is configured.
func checkPlace(c *Config, region string) problem.List {
	var found problem.List
	if c.Project != "" && !projectID.MatchString(c.Project) {
		found.Add("gcp:project", c.Project, "is not a project id",
			"use the id, not the name or number: 6 to 30 lower-case letters, digits and hyphens")
	}
	if c.Zone != "" && !zoneName.MatchString(c.Zone) {
		found.Add("gcp:zone", c.Zone, "is not a zone", "use a zone such as us-central1-c")
	} else if region != "" && c.Zone != "" && region != c.Region {
		found.Add("gcp:region", region, "is not the region of gcp:zone, which is "+c.Region, "remove it; the region follows from the zone")
	}
	return found
}

// checkToken reports a token that is set in two places.
func checkToken(c *Config) problem.List {
	switch key := keyOf("hfTokenSecret"); {
	case c.HFTokenSecret == "":
		return nil
	case c.HFToken != "":
		return problem.List{{Key: key, Value: c.HFTokenSecret, Why: "is set, and so is sglang-tpu:hfToken", Remedy: "remove one of the two"}}
	default:
		return problem.Of(key, secretversion.Check(c.HFTokenSecret))
	}
}

// checkCluster checks the control plane and the system pool.
func checkCluster(c *Config) problem.List {
	const key = "sglang-tpu:gke"
	g := c.GKE
	var found problem.List
	if c.SystemPool.MachineType == "" {
		found.Add("sglang-tpu:systemPool.machineType", "", "is empty", "use a machine type such as e2-standard-8")
	}
	if g.SecretsKey != "" {
		match := kmsKey.FindStringSubmatch(g.SecretsKey)
		switch {
		case match == nil:
			found.Add(key+".secretsKey", g.SecretsKey, "is not a Cloud KMS key", "use projects/P/locations/R/keyRings/RING/cryptoKeys/KEY")
		case c.Region != "" && match[1] != c.Region:
			found.Add(key+".secretsKey", g.SecretsKey, "is not in the cluster's region", "use a key in "+c.Region)
		}
	}
	match := gkeVersion.FindStringSubmatch(g.MinVersion)
	if match == nil {
		found.Add(key+".minVersion", g.MinVersion, "is not a GKE version", "use a version such as 1.35 or "+gke.LeastVersion)
		return found
	}
	if number, err := strconv.Atoi(match[1]); err != nil || number < 34 {
		found.Add(key+".minVersion", g.MinVersion, "does not support tpu7x, which needs "+gke.LeastVersion, "use 1.35 or newer")
	}
	return found
}

func checkLabels(labels map[string]string) problem.List {
	var found problem.List
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if !labelKey.MatchString(key) || !labelValue.MatchString(labels[key]) {
			found.Add("sglang-tpu:labels."+key, labels[key], "is not a Google Cloud label",
				"use at most 63 lower-case letters, digits, hyphens and underscores, beginning with a letter")
		}
	}
	return found
}

func checkRevision(revision string) problem.List {
	if revision == "" || gitRevision.MatchString(revision) {
		return nil
	}
	return problem.List{{Key: keyOf("modelRevision"), Value: revision, Why: "is not a revision of a repository", Remedy: "use main, a tag, or a commit of the model's repository"}}
}
