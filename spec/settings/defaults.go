package settings

import (
	"cmp"
	"time"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/serverimage"
	"sglang-tpu/spec/storage"
)

// Defaults of a pod's volume.
const (
	diskIOPS          = 10000
	diskThroughputMiB = 1200
	diskAtLeastGiB    = 200
)

// Default minutes that pulumi up waits for the model server, which loads weights and
// compiles; with flex-start it first waits in Google's queue.
const (
	readyMinutes      = 60
	readyMinutesQueue = 24 * 60
)

// keepSlices is the default period in which GKE does not upgrade the nodes of a minor
// version: until some weeks before the end of its support (GKE release schedule: 1.35 to
// 2027-04-11). This provider requires an end (exclusion_options has no end_time_behavior in
// 8.41.1), and a moving date would be a change in every preview.
var keepSlices = map[string]gke.Exclusion{
	"1.35": {Name: "keep-slices", Start: "2026-11-01T00:00:00Z", End: "2027-03-01T00:00:00Z", Scope: gke.NoNodeUpgrades},
}

// fillDefaults sets the defaults that depend on other settings; all other defaults are in
// the types' tags. It runs before all checks.
func (c *Config) fillDefaults() {
	c.Model = c.Model.WithDefaults()
	if c.Image.Source = cmp.Or(c.Image.Source, serverimage.Build); c.Image.Source == serverimage.Build {
		c.Image.Inputs = c.Image.WithDefaults()
	}
	if c.Cache.Mode == storage.DiskVolume {
		c.Cache.SizeGiB = cmp.Or(c.Cache.SizeGiB, max(diskAtLeastGiB, 2*c.Model.RepositoryGiB))
		c.Cache.IOPS = cmp.Or(c.Cache.IOPS, diskIOPS)
		c.Cache.ThroughputMiB = cmp.Or(c.Cache.ThroughputMiB, diskThroughputMiB)
	}
	if c.ReadyMinutes == 0 {
		c.ReadyMinutes = readyMinutes
		if c.Options().Has(capacity.FlexStart) {
			c.ReadyMinutes = readyMinutesQueue
		}
	}
	c.Ready = time.Duration(c.ReadyMinutes) * time.Minute
	for i := range c.Maintenance.Exclusions {
		c.Maintenance.Exclusions[i].Scope = cmp.Or(c.Maintenance.Exclusions[i].Scope, gke.NoNodeUpgrades)
	}
	// An upgrade releases a slice's chips, and on-demand chips may not be available again. A
	// platform does not know the capacity modes of its endpoints.
	if span, ok := keepSlices[minor(c.GKE.MinVersion)]; ok && c.Maintenance.Exclusions == nil && (c.Options().EndedByUpgrades() || c.Layer == gke.Platform) && !c.Cluster.Existing.Used() {
		c.Maintenance.Exclusions = []gke.Exclusion{span}
	}
}
