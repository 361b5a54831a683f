package gke

import (
	"regexp"
	"slices"
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
	return slices.Compare(numbers(a), numbers(b)) < 0
}

func numbers(version string) []int {
	var all []int
	for _, text := range digits.FindAllString(version, -1) {
		n, _ := strconv.Atoi(text)
		all = append(all, n)
	}
	return all
}

// RegionOf returns the region of a zone: us-central1 for us-central1-ai1a. It is empty if the
// zone has only one part.
func RegionOf(zone string) string {
	if i := strings.LastIndex(zone, "-"); i > 0 {
		return zone[:i]
	}
	return ""
}
