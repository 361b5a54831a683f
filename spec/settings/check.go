package settings

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sglang-tpu/spec/gke"
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

func (l *loader) checkPlaceholders() {
	if l.Project == placeholderProject {
		l.found.Add("gcp:project", l.Project, "is a placeholder for your project id", "run: pulumi config set gcp:project PROJECT")
	}
	for i, option := range l.Options() {
		key := optionKey(i) + ".reservation"
		parts := strings.Split(option.Reservation, "/")
		if slices.Contains(parts, placeholderReservation) || slices.Contains(parts, placeholderProject) {
			l.found.Add(key, option.Reservation, "is a placeholder for the name of your reservation", "run: pulumi config set --path "+key+" NAME")
		}
	}
}

// checkPlace checks project and zone, and the region if it is configured.
func (l *loader) checkPlace(region string) {
	if l.Project != "" && !projectID.MatchString(l.Project) {
		l.found.Add("gcp:project", l.Project, "is not a project id",
			"use the id, not the name or number: 6 to 30 lower-case letters, digits and hyphens")
	}
	if l.Zone != "" && !zoneName.MatchString(l.Zone) {
		l.found.Add("gcp:zone", l.Zone, "is not a zone", "use a zone such as us-central1-c")
	} else if region != "" && l.Zone != "" && region != l.Region {
		l.found.Add("gcp:region", region, "is not the region of gcp:zone, which is "+l.Region, "remove it; the region follows from the zone")
	}
}

// checkToken reports a token that is set in two places.
func (l *loader) checkToken() {
	switch key := keyOf("hfTokenSecret"); {
	case l.HFTokenSecret == "":
	case l.HFToken != "":
		l.found.Add(key, l.HFTokenSecret, "is set, and so is sglang-tpu:hfToken", "remove one of the two")
	default:
		_, _, err := secretversion.Parse(l.HFTokenSecret)
		l.check(key, err)
	}
}

// checkCluster checks the control plane and the system pool.
func (l *loader) checkCluster() {
	const key = "sglang-tpu:gke"
	g := l.GKE
	if l.SystemPool.MachineType == "" {
		l.found.Add("sglang-tpu:systemPool.machineType", "", "is empty", "use a machine type such as e2-standard-8")
	}
	if g.SecretsKey != "" {
		match := kmsKey.FindStringSubmatch(g.SecretsKey)
		switch {
		case match == nil:
			l.found.Add(key+".secretsKey", g.SecretsKey, "is not a Cloud KMS key", "use projects/P/locations/R/keyRings/RING/cryptoKeys/KEY")
		case l.Region != "" && match[1] != l.Region:
			l.found.Add(key+".secretsKey", g.SecretsKey, "is not in the cluster's region", "use a key in "+l.Region)
		}
	}
	match := gkeVersion.FindStringSubmatch(g.MinVersion)
	if match == nil {
		l.found.Add(key+".minVersion", g.MinVersion, "is not a GKE version", "use a version such as 1.35 or "+gke.LeastVersion)
		return
	}
	if number, err := strconv.Atoi(match[1]); err != nil || number < 34 {
		l.found.Add(key+".minVersion", g.MinVersion, "does not support tpu7x, which needs "+gke.LeastVersion, "use 1.35 or newer")
	}
}

func (l *loader) checkLabels() {
	for _, key := range slices.Sorted(maps.Keys(l.Labels)) {
		if !labelKey.MatchString(key) || !labelValue.MatchString(l.Labels[key]) {
			l.found.Add("sglang-tpu:labels."+key, l.Labels[key], "is not a Google Cloud label",
				"use at most 63 lower-case letters, digits, hyphens and underscores, beginning with a letter")
		}
	}
}

func (l *loader) checkRevision() {
	if l.Revision != "" && !gitRevision.MatchString(l.Revision) {
		l.found.Add(keyOf("modelRevision"), l.Revision, "is not a revision of a repository", "use main, a tag, or a commit of the model's repository")
	}
}
