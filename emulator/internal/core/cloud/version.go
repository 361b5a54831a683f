package cloud

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"sglang-tpu/spec/gke"
)

// channelVersion is the version of a new cluster unless the program requests a newer one.
const channelVersion = "1.34.2-gke.2037000"

// versionFor returns the newer of a control plane's current and requested version
// (container/resource_container_cluster.go of the provider upgrades only if the version is
// below min_master_version). For a minor version, GKE chooses the patch; the one here is
// invented.
func versionFor(current, wanted string) string {
	if strings.Count(wanted, ".") == 1 {
		wanted += ".2-gke.2037000"
	}
	if current == "" {
		current = channelVersion
	}
	if wanted == "" || !gke.Older(current, wanted) {
		return current
	}
	return wanted
}

var machineMemory = map[string]int{"standard": 4, "highmem": 8, "highcpu": 1} // GiB per vCPU

// cpuSize returns the vCPUs and memory of a machine type such as e2-standard-8, as Kubernetes
// quantities.
// https://cloud.google.com/compute/docs/general-purpose-machines
func cpuSize(machine string) (cpus, memory string) {
	n, perCPU := 2, 4
	if m := cpuMachine.FindStringSubmatch(machine); m != nil {
		n, _ = strconv.Atoi(m[2])
		perCPU = machineMemory[m[1]]
	}
	return strconv.Itoa(n), fmt.Sprintf("%dGi", n*perCPU)
}

// nextVersion returns a later patch or minor version. The numbers are invented.
func nextVersion(text string, minor bool) string {
	v, err := version.ParseGeneric(text)
	switch {
	case err != nil:
		return text
	case minor:
		return fmt.Sprintf("%d.%d.1-gke.1000000", v.Major(), v.Minor()+1)
	}
	return fmt.Sprintf("%d.%d.%d-gke.1000000", v.Major(), v.Minor(), v.Patch()+1)
}
