// Package settings reads the settings of one environment into Go types and checks them. It
// is the only package that knows the configuration keys.
//
// All errors are reported at once, before the first resource. Each names the key, the
// value, why it cannot work, and what would work.
package settings

import (
	"reflect"
	"time"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/model"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/serverargs"
)

// Source looks up a raw configuration value by its full key, such as
// "sglang-tpu:model". Objects are JSON.
type Source struct {
	Get      func(key string) (value string, ok bool)
	IsSecret func(key string) bool
	Keys     []string // all keys that are set, to detect misspelt ones
	// Project is the name of the Pulumi project. The keys of this program may also be in its
	// namespace. Empty means this program's name.
	Project string
	// Now returns the time for warnings about past dates; nil means the clock.
	Now func() time.Time
}

func (s Source) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// Config is the checked configuration of one environment: its settings with all defaults,
// and the values that follow from them.
type Config struct {
	Settings

	Model     model.Model // from the catalogue, or customModel
	Plan      model.Plan
	Arguments serverargs.List // all arguments of the server, except rank and rendezvous
	Ready     time.Duration   // how long up waits for the model server

	Warnings problem.List // what works but may be unexpected

	project project
}

// Key returns the full key under which the project has a setting, such as replicas.
func (c *Config) Key(name string) string { return c.project.where(keyOf(name)) }

// Options returns the options of the capacity, each with its zones. The default zone is
// gcp:zone.
func (c *Config) Options() capacity.Options {
	options := append(capacity.Options{c.Capacity}, c.CapacityFallbacks...)
	for i := range options {
		if len(options[i].Zones) == 0 {
			options[i].Zones = []string{c.Zone}
		}
	}
	return options
}

// MakesSlices reports whether the stack creates TPU node pools. A platform does not, because
// its endpoints do; nor does a stack that uses existing node pools.
func (c *Config) MakesSlices() bool {
	return c.Layer != gke.Platform && len(c.Cluster.Existing.NodePools) == 0
}

// Named replaces the keys of problems that are found later by those that the project uses.
func (c *Config) Named(problems problem.List) problem.List { return c.project.named(problems) }

// Load reads and checks every key. The error is a problem.List of all problems.
func Load(source Source) (*Config, error) {
	r := newReader()
	var twice problem.List
	r.source, r.project, twice = inProject(source)
	c := &Config{Settings: r.settings(), project: r.project}
	region := c.Region
	c.Region = gke.RegionOf(c.Zone)
	r.add(checkKeys(source.Keys, r.project.name))
	known := r.resolveModel(c)
	// Do not warn users who set an empty list of exclusions.
	noExclusions := c.Maintenance.Exclusions != nil && len(c.Maintenance.Exclusions) == 0
	r.add(checkLayer(c.Settings))
	c.fillDefaults()

	// Values that could not be read were reported, and have their defaults.
	r.add(checkConstraints(field{}, "", reflect.ValueOf(c.Settings)))
	r.add(checkPlace(c, region))
	r.add(checkPlaceholders(c))
	given, wrong := c.planServer(known, !r.unread["topology"])
	r.add(wrong)
	r.add(checkImage(c.Image))
	r.add(checkEnvironment(c.ServerEnvironment, r.source.IsSecret))
	r.add(checkCapacity(c))
	r.add(checkCache(c.Cache))
	r.add(checkMaintenance(c.Maintenance))
	r.add(checkMonitoring(c.Monitoring))
	r.add(checkRevision(c.Revision))
	r.add(checkNetwork(c.Network))
	r.add(checkScale(c))
	r.add(checkToken(c))
	r.add(checkCluster(c))
	r.add(checkLabels(c.Labels))
	r.add(checkExisting(c))
	if c.LeaderWorkerSet != "" {
		r.add(problem.Of(keyOf("leaderWorkerSet"), names.CheckSet(c.LeaderWorkerSet, c.Replicas)))
	}
	if err := append(twice, r.project.named(r.found)...).Err(); err != nil {
		return nil, err
	}
	launch := serverargs.Launch{Model: c.Model.ID, Revision: c.Revision, RemoteCode: c.TrustRemoteCode}
	c.Arguments = launch.Arguments().Merge(c.Plan.Arguments()).Merge(given)
	c.Warnings = r.project.named(append(c.Warnings, warnings(c, noExclusions, source.now())...))
	return c, nil
}
