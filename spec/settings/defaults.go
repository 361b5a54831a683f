package settings

import (
	"cmp"
	"time"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/serverimage"
	"sglang-tpu/spec/storage"
)

// What a pod's volume has if nothing is set.
const (
	diskIOPS          = 10000
	diskThroughputMiB = 1200
	diskAtLeastGiB    = 200
)

// Minutes that up waits for the model server if nothing is set: it loads weights and
// compiles, and with flex-start it first stands in Google's queue.
const (
	readyMinutes      = 60
	readyMinutesQueue = 24 * 60
)

// keepSlices is when GKE leaves the nodes of a minor version alone if nothing is set: to
// some weeks before the end of its support (GKE release schedule: 1.35 to 2027-04-11).
// This provider wants an end (exclusion_options has no end_time_behavior in 8.41.1), and
// a date that moved would be a change at every preview.
var keepSlices = map[string]gke.Exclusion{
	"1.35": {Name: "keep-slices", Start: "2026-11-01T00:00:00Z", End: "2027-03-01T00:00:00Z", Scope: gke.NoNodeUpgrades},
}

// fillDefaults sets the defaults that follow from other settings; the types have all
// others. It comes before every check.
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
	// An upgrade gives a slice's chips back, and on-demand ones may not come again. A platform
	// does not know the capacity modes of its endpoints.
	if span, ok := keepSlices[minor(c.GKE.MinVersion)]; ok && c.Maintenance.Exclusions == nil && (c.Options().EndedByUpgrades() || c.Layer == gke.Platform) && !c.Cluster.Existing.Used() {
		c.Maintenance.Exclusions = []gke.Exclusion{span}
	}
}
