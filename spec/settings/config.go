// Package settings reads the settings of one environment into Go types and checks them.
// Configuration keys are named only here.
//
// All errors are reported at once, before the first resource. Each names the key, the
// value, why it cannot work, and what would.
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
	Keys     []string // all that are set, so that a misspelt one is not ignored
	// Project is the name of the Pulumi project, in whose namespace the keys of this program
	// may be as well; empty: this program's.
	Project string
	// Now is for warnings about dates that have passed; nil: the clock.
	Now func() time.Time
}

func (s Source) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// Config is one environment, checked: its settings with all defaults, and what follows from
// them.
type Config struct {
	Settings

	Model     model.Model // of the catalogue, or the custom one
	Plan      model.Plan
	Arguments serverargs.List // all that the server is started with, but for rank and rendezvous
	Ready     time.Duration   // how long up waits for the model server

	Warnings problem.List // what will work, and may surprise

	project project
}

// Key is the full key of a setting, such as replicas, as the project has it.
func (c *Config) Key(name string) string { return c.project.where(keyOf(name)) }

// Options are where the chips come from, each with its zones: gcp:zone where none is set.
func (c *Config) Options() capacity.Options {
	options := append(capacity.Options{c.Capacity}, c.CapacityFallbacks...)
	for i := range options {
		if len(options[i].Zones) == 0 {
			options[i].Zones = []string{c.Zone}
		}
	}
	return options
}

// MakesSlices reports whether the stack creates node pools of TPUs: a platform leaves them to
// its endpoints, and those of somebody else are used as they are.
func (c *Config) MakesSlices() bool {
	return c.Layer != gke.Platform && len(c.Cluster.Existing.NodePools) == 0
}

// Named has the keys of problems that are found later as the project has them.
func (c *Config) Named(problems problem.List) problem.List { return c.project.named(problems) }

// Load reads and checks every key. The error is a problem.List of all that is wrong.
func Load(source Source) (*Config, error) {
	r := newReader()
	var twice problem.List
	r.source, r.project, twice = inProject(source)
	c := &Config{Settings: r.settings(), project: r.project}
	region := c.Region
	c.Region = gke.RegionOf(c.Zone)
	r.add(checkKeys(source.Keys, r.project.name))
	known := r.resolveModel(c)
	// Whoever says that there are no exclusions knows.
	noExclusions := c.Maintenance.Exclusions != nil && len(c.Maintenance.Exclusions) == 0
	r.add(checkLayer(c.Settings))
	c.fillDefaults()

	// What could not be read was reported, and has its default.
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
	c.Arguments = serverargs.Launch(c.Model.ID, c.Revision, c.TrustRemoteCode).Merge(c.Plan.Arguments()).Merge(given)
	c.Warnings = r.project.named(append(c.Warnings, warnings(c, noExclusions, source.now())...))
	return c, nil
}
