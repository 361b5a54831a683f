// Package settings reads the settings of one environment into Go types and checks them. It
// is the only package that knows the configuration keys.
//
// All errors are reported at once, before the first resource. Each names the key, the
// value, why it cannot work, and what would work.
package settings

import (
	"cmp"
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
	IsSecret func(key string) bool // nil: no key is a secret
	Keys     []string              // all keys that are set, to detect misspelt ones
	// Project is the name of the Pulumi project. The keys of this program may also be in its
	// namespace. Empty means this program's name.
	Project string
	// Now returns the time for warnings about past dates; nil means the clock.
	Now func() time.Time
}

func (s Source) withDefaults() Source {
	s.Project = cmp.Or(s.Project, Namespace)
	if s.IsSecret == nil {
		s.IsSecret = func(string) bool { return false }
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return s
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

// Named replaces the keys in problems that are found after Load with the keys that the
// project uses.
func (c *Config) Named(problems problem.List) problem.List { return c.project.named(problems) }

// Load reads and checks every key. The error is a problem.List of all problems.
func Load(source Source) (*Config, error) {
	source, keys, twice := inProject(source.withDefaults())
	l := newLoader(source)
	l.project = keys
	l.readAll()
	region := l.Region
	l.Region = gke.RegionOf(l.Zone)
	l.checkKeys()
	known := l.resolveModel()
	// Do not warn users who set an empty list of exclusions.
	noExclusions := l.Maintenance.Exclusions != nil && len(l.Maintenance.Exclusions) == 0
	l.checkLayer()
	l.fillDefaults()

	// Values that could not be read were reported, and have their defaults.
	l.found = append(l.found, checkConstraints(field{}, "", reflect.ValueOf(l.Settings))...)
	l.checkPlace(region)
	l.checkPlaceholders()
	given := l.planServer(known)
	l.checkImage()
	l.checkEnvironment()
	l.checkCapacity()
	l.checkCache()
	l.checkMaintenance()
	l.checkMonitoring()
	l.checkRevision()
	l.checkNetwork()
	l.checkScale()
	l.checkToken()
	l.checkCluster()
	l.checkLabels()
	l.checkExisting()
	if l.LeaderWorkerSet != "" {
		l.check(keyOf("leaderWorkerSet"), names.CheckSet(l.LeaderWorkerSet, l.Replicas))
	}
	if err := append(twice, l.Named(l.found)...).Err(); err != nil {
		return nil, err
	}
	launch := serverargs.Launch{Model: l.Model.ID, Revision: l.Revision, RemoteCode: l.TrustRemoteCode}
	l.Arguments = launch.Arguments().Merge(l.Plan.Arguments()).Merge(given)
	l.warn(noExclusions, source.Now())
	l.Warnings = l.Named(l.Warnings)
	return l.Config, nil
}
