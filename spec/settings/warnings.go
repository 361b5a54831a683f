package settings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/model"
	"sglang-tpu/spec/serverimage"
)

// warn adds what works but may be unexpected. noExclusions means that the user set an empty
// list of exclusions.
func (c *Config) warn(noExclusions bool, now time.Time) {
	c.warnZones()
	if c.Layer != gke.Platform {
		c.warnImage()
		c.warnServer()
		c.warnCapacity()
	}
	if c.Layer == gke.Endpoint || c.Cluster.Existing.Used() {
		return // an existing cluster
	}
	c.warnEncryption()
	if !noExclusions {
		c.warnMaintenance(now)
	}
}

// seenZones are the zones in which tpu7x has been seen. The list is incomplete, so any
// other zone is only a warning.
var seenZones = []string{"us-central1-c", "us-central1-ai1a"}

func (c *Config) warnZones() {
	known := slices.Clone(seenZones)
	for i, option := range c.Options() {
		for _, zone := range option.Zones {
			if slices.Contains(known, zone) {
				continue
			}
			known = append(known, zone) // warn once
			key := optionKey(i) + ".zones"
			if zone == c.Zone {
				key = "gcp:zone"
			}
			c.Warnings.Add(key, "", "tpu7x in "+zone+" is not known to this program", "zones known to have it: "+list(seenZones))
		}
	}
}

func (c *Config) warnImage() {
	if i := c.Image; i.Source == serverimage.Prebuilt && !strings.Contains(i.Reference, "@sha256:") {
		c.Warnings.Add(imageKey+".reference", i.Reference, "is a tag, which can move: the pods of one group may run different images",
			"use the reference with its @sha256 digest")
	}
}

// warnServer warns about the plan.
func (c *Config) warnServer() {
	if c.Replicas == 0 {
		return // nothing runs
	}
	if hosts := c.Topology.Hosts(); hosts > 1 && c.Plan.DP > 1 {
		// sglang-jax issue 1400: the scheduler reads log probabilities with jax.device_get,
		// which fails on an array that other hosts hold parts of; pull request 1410 is open.
		verb, remedy := "may end", ""
		if anotherServer(c.Image) == "" {
			verb = "ends"
		}
		if name := c.Plan.Undivided(c.Model); name != "" {
			remedy = "topology " + name + " avoids it"
		}
		c.Warnings.Add(keyOf("topology"), "", fmt.Sprintf("%s has %d data parallel ranks on %d hosts: a request with logprobs %s the group (sglang-jax issue 1400)",
			c.Topology, c.Plan.DP, hosts, verb), remedy)
	}
	switch {
	case !c.Plan.CacheKnown:
		c.Warnings.Add(customKey, "", fmt.Sprintf("does not set %s, so the plan's requestsAtOnce is only the limit of the page table; the key-value cache may hold fewer", list(cacheFieldsMissing(c.CustomModel))),
			"set them to the values in config.json, such as: pulumi config set --path "+customKey+".layers N")
	case c.Plan.CacheRequests == 0:
		c.Warnings.Add(keyOf("topology"), "", fmt.Sprintf("%s leaves room for %d tokens in the key-value cache of %s, less than one request of full length (%d tokens): a request that is longer than the cache is refused",
			c.Topology, c.Plan.CacheTokens/c.Plan.DP, c.Model.ID, c.Plan.Context), "use a larger topology, or a smaller "+model.ContextFlag)
	}
}

// warnCapacity warns about flex-start. With a selector for the node pool instead of
// exclusive topology, all pods of a group would request nodes at once. But all groups share
// their templates, so it would work for only one group, and adding a second one would
// replace the LeaderWorkerSet.
func (c *Config) warnCapacity() {
	queued := slices.IndexFunc(c.Options(), func(o capacity.Capacity) bool { return o.Mode == capacity.FlexStart })
	if queued < 0 || !c.Topology.MultiHost() || c.Replicas == 0 {
		return
	}
	c.Warnings.Add(optionKey(queued)+".mode", "",
		fmt.Sprintf("with flex-start only the leader of each group requests its slice of %d hosts; the workers are created once the leader has it. "+
			"GKE documents that all hosts of such a slice are created together; one user reports that they were not", c.Topology.Hosts()),
		"if the leader is still Pending after the wait in Google's queue, use another mode")
}

// warnEncryption explains a change that every preview of an encrypted cluster shows.
// Ignoring the property would be worse: Pulumi would then use the value in its state, which
// after a refresh is one that this provider rejects, and would ignore a key that is added
// later.
func (c *Config) warnEncryption() {
	// A cluster of an older version will be upgraded to 1.35.
	if c.GKE.SecretsKey != "" {
		c.Warnings.Add("sglang-tpu:gke.secretsKey", "",
			"GKE 1.35 and newer report the cluster's databaseEncryption.state as ALL_OBJECTS_ENCRYPTION_ENABLED, so each preview shows a change to ENCRYPTED",
			"no action is needed: the update changes nothing")
	}
}

// warnBefore is how long before the end of an exclusion previews warn about it.
const warnBefore = 30 * 24 * time.Hour

// warnMaintenance warns if no exclusion protects slices from upgrades, now or soon.
func (c *Config) warnMaintenance(now time.Time) {
	if !c.Options().EndedByUpgrades() || c.Replicas == 0 {
		return
	}
	until := now // the end of the exclusions that cover the time from now on without a gap
	for range c.Maintenance.Exclusions {
		for _, e := range c.Maintenance.Exclusions {
			start, end := e.Span()
			if e.Scope != gke.NoMinorUpgrades && !start.After(until) && end.After(until) {
				until = end
			}
		}
	}
	if until.Sub(now) > warnBefore {
		return
	}
	since := "no exclusion covers today, so"
	if until.After(now) {
		since = "the exclusions end on " + until.Format(time.DateOnly) + ", and then"
	}
	c.Warnings.Add(maintenanceKey, "", since+" GKE may upgrade the nodes in the maintenance window, and each group is down until its slice is back",
		"add an exclusion with scope "+gke.NoNodeUpgrades+", or set exclusions to [] to allow it")
}
