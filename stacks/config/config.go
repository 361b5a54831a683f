// Package config reads one environment's settings, checks them all, and gives them
// types. It is the only place that knows configuration keys.
//
// Everything that is wrong is reported at once and before the first resource, each
// with the key, the value, why it cannot work and what would.
package config

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"sglang-tpu/infra/model"
	"sglang-tpu/infra/topology"
)

// Source looks up a raw configuration value by its full key, such as
// "sglang-tpu:model". Objects are JSON.
type Source struct {
	Get      func(key string) (value string, ok bool)
	IsSecret func(key string) bool
}

// Config is one environment, checked.
type Config struct {
	Project string // Google Cloud project id
	Zone    string // the zone with tpu7x capacity, such as us-central1-c
	Region  string // the zone's region

	Model    model.Model
	Topology topology.Topology
	Plan     model.Plan
	Replicas int // groups, and slices; 0 keeps the cluster and no chips
	Capacity Capacity

	HasHFToken bool // the token itself stays a Pulumi secret and is read by stacks

	Image      Image
	Cache      Cache
	GKE        GKE
	SystemPool SystemPool
	Network    Network
	Labels     map[string]string
	LWSChart   string        // oci:// address or a folder
	Ready      time.Duration // how long up waits for the model server
	Protect    bool          // Pulumi protect and GKE deletion protection together
}

// Capacity says where chips come from; exactly one mode.
type Capacity struct {
	Mode           string `json:"mode"`
	Reservation    string `json:"reservation"`    // only with mode reservation
	MaxRunDuration string `json:"maxRunDuration"` // only with mode flex-start; Go duration, at most 168h; empty: no limit of ours
}

// Image says which image the pods run.
type Image struct {
	Source     string            `json:"source"`    // build or prebuilt
	Reference  string            `json:"reference"` // only with prebuilt
	Repository string            `json:"repository"`
	Commit     string            `json:"commit"` // 40 hexadecimal digits
	Dockerfile string            `json:"dockerfile"`
	BuildArgs  map[string]string `json:"buildArgs"`
}

// Cache is the per-pod volume for weights and compiled code.
type Cache struct {
	SizeGiB       int `json:"sizeGiB"`       // 0: twice the model's weights, at least 200
	IOPS          int `json:"iops"`          // 0: 10000
	ThroughputMiB int `json:"throughputMiB"` // MiB per second; 0: 1200
}

// GKE is the control plane's version policy.
type GKE struct {
	ReleaseChannel string `json:"releaseChannel"`
	MinVersion     string `json:"minVersion"`
}

// SystemPool is the CPU node pool.
type SystemPool struct {
	MachineType string `json:"machineType"`
	Nodes       int    `json:"nodes"`
}

// Network holds address ranges in CIDR notation.
type Network struct {
	Nodes              string   `json:"nodes"`
	Pods               string   `json:"pods"`
	Services           string   `json:"services"`
	ControlPlane       string   `json:"controlPlane"`       // a /28
	AuthorizedNetworks []string `json:"authorizedNetworks"` // empty: only the DNS endpoint, by IAM
}

// defaults is what an environment that says nothing gets. Scalars that a user most
// often sets have theirs in Pulumi.yaml, where pulumi config shows them.
func defaults() Config {
	return Config{
		GKE:        GKE{ReleaseChannel: "REGULAR", MinVersion: "1.35"},
		SystemPool: SystemPool{MachineType: "e2-standard-8", Nodes: 1},
		Network: Network{
			Nodes:        "10.0.0.0/20",
			Pods:         "10.4.0.0/14",
			Services:     "10.8.0.0/20",
			ControlPlane: "172.16.0.0/28",
		},
		Cache: Cache{IOPS: 10000, ThroughputMiB: 1200},
	}
}

// Load reads and checks every key. The error joins all that is wrong.
func Load(source Source) (*Config, error) {
	c := defaults()
	r := &reader{source: source}

	c.Project = r.text("gcp:project")
	c.Zone = r.text("gcp:zone")
	c.Region = regionOf(c.Zone)
	modelID, shape := r.text("sglang-tpu:model"), r.text("sglang-tpu:topology")
	c.Replicas = r.integer("sglang-tpu:replicas", 1)
	capacityRead := r.object("sglang-tpu:capacity", &c.Capacity)
	c.HasHFToken = r.secret("sglang-tpu:hfToken")
	imageRead := r.object("sglang-tpu:image", &c.Image)
	r.object("sglang-tpu:cache", &c.Cache)
	r.object("sglang-tpu:gke", &c.GKE)
	r.object("sglang-tpu:systemPool", &c.SystemPool)
	r.object("sglang-tpu:network", &c.Network)
	r.object("sglang-tpu:labels", &c.Labels)
	c.LWSChart = r.text("sglang-tpu:lwsChart")
	c.Ready = time.Duration(r.integer("sglang-tpu:readyMinutes", 60)) * time.Minute
	c.Protect = r.boolean("sglang-tpu:protect")

	r.check(checkPlace(c))
	r.check(c.plan(modelID, shape))
	// What could not be read would be called missing as well.
	if capacityRead {
		r.check(checkCapacity(c.Capacity))
	}
	if imageRead {
		r.check(checkImage(c.Image))
	}
	r.check(checkNetwork(c.Network))
	r.check(checkSizes(c))
	r.check(checkGKE(c.GKE))
	r.check(checkLabels(c.Labels))
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	return &c, nil
}

// plan resolves the model and the topology and derives the parallelism from both.
func (c *Config) plan(modelID, shape string) error {
	var errs []error
	var ok bool
	if c.Model, ok = model.Lookup(modelID); !ok && modelID != "" {
		errs = append(errs, invalid("sglang-tpu:model", modelID,
			"is not in the catalogue", "use one of "+list(model.Names())))
	}
	var err error
	if shape != "" {
		if c.Topology, err = topology.Parse(shape); err != nil {
			errs = append(errs, because("sglang-tpu:topology", err))
		}
	}
	if len(errs) > 0 || modelID == "" || shape == "" {
		return errors.Join(errs...)
	}
	if c.Plan, err = model.NewPlan(c.Model, c.Topology); err != nil {
		return because("sglang-tpu:model", err)
	}
	if c.Model.Gated && !c.HasHFToken {
		return invalid("sglang-tpu:hfToken", "",
			"is empty, but "+modelID+" is a gated model on Hugging Face",
			"accept its licence there, then run: pulumi config set --secret hfToken hf_...")
	}
	switch {
	case c.Cache.SizeGiB == 0:
		c.Cache.SizeGiB = max(200, 2*c.Model.WeightsGiB)
	case c.Cache.SizeGiB > 0 && c.Cache.SizeGiB <= c.Model.WeightsGiB:
		return invalid("sglang-tpu:cache.sizeGiB", strconv.Itoa(c.Cache.SizeGiB),
			fmt.Sprintf("does not hold the weights of %s, which are %d GiB on every host", modelID, c.Model.WeightsGiB),
			fmt.Sprintf("use %d, or 0 for a size that fits", 2*c.Model.WeightsGiB))
	}
	return nil
}

// MaxRunSeconds is MaxRunDuration as the API takes it, such as "259200s"; empty when
// there is none. The value has been checked.
func (c Capacity) MaxRunSeconds() string {
	d, err := time.ParseDuration(c.MaxRunDuration)
	if err != nil {
		return ""
	}
	return strconv.Itoa(int(d.Seconds())) + "s"
}
