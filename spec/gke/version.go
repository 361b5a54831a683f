package gke

import (
	"regexp"
	"strconv"
	"strings"
)

// LeastVersion is the oldest version of GKE that supports tpu7x (documentation, TPUs in
// GKE: machine types and versions).
const LeastVersion = "1.34.0-gke.2201000"

var digits = regexp.MustCompile(`\d+`)

// Older compares two versions such as 1.34.2-gke.2037000 or v0.9.0 number by number. A
// version without numbers is the oldest.
func Older(a, b string) bool {
	x, y := digits.FindAllString(a, -1), digits.FindAllString(b, -1)
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m < n
		}
	}
	return len(x) < len(y)
}

// RegionOf returns the region of a zone: us-central1 for us-central1-ai1a. It is empty if the
// zone has only one part.
func RegionOf(zone string) string {
	if i := strings.LastIndex(zone, "-"); i > 0 {
		return zone[:i]
	}
	return ""
}
