// Package settings reads one environment's settings, checks them all, and gives them
// types. It is the only place that knows configuration keys.
//
// Everything that is wrong is reported at once and before the first resource, each
// with the key, the value, why it cannot work and what would.
package settings

import (
	"errors"
	"time"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/topology"
)

// Source looks up a raw configuration value by its full key, such as
// "sglang-tpu:model". Objects are JSON.
type Source struct {
	Get      func(key string) (value string, ok bool)
	IsSecret func(key string) bool
	Keys     []string // all that are set, so that a misspelt one is not ignored
	// Now is for warnings about dates that have passed; nil: the clock.
	Now func() time.Time
}

func (s Source) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// namespaces whose keys only this program reads, with the keys that there are.
var namespaces = map[string][]string{
	"sglang-tpu": {
		"model", "modelRevision", "customModel", "topology", "replicas", "capacity", "serverArguments", "serverEnvironment", "trustRemoteCode", "hfToken", "hfTokenSecret", "apiKey", "image", "cache",
		"gke", "maintenance", "monitoring", "systemPool", "network", "labels", "leaderWorkerSet", "lwsChart", "readyMinutes", "protect",
	},
	"gcp": {"project", "zone", "region"},
}

// Config is one environment, checked.
type Config struct {
	Project string // Google Cloud project id
	Zone    string // the zone with tpu7x capacity, such as us-central1-c
	Region  string // the zone's region

	Model     model.Model
	Revision  string // of the model's repository on the Hub
	Topology  topology.Topology
	Plan      model.Plan
	Arguments serverargs.List // server arguments of the user's own
	Replicas  int             // groups, and slices; 0 keeps the cluster and no chips
	Capacity  Capacity

	// TrustRemoteCode lets the server run code that a model's repository brings.
	TrustRemoteCode   bool
	ServerEnvironment map[string]string // variables of the server's containers, beside the program's

	// The secrets themselves stay Pulumi secrets and are read by stacks.
	HasHFToken bool
	HasAPIKey  bool
	// HFTokenSecret is the version of a secret in Secret Manager that holds the token
	// instead; empty: none.
	HFTokenSecret string

	Image           Image
	Cache           Cache
	GKE             GKE
	Maintenance     Maintenance
	Monitoring      Monitoring
	SystemPool      SystemPool
	Network         Network
	Labels          map[string]string
	LeaderWorkerSet string        // its name
	LWSChart        string        // oci:// address or a folder
	Ready           time.Duration // how long up waits for the model server
	Protect         bool          // Pulumi protect and GKE deletion protection together

	Warnings []string // what will work, and may surprise
}

// The modes of Cache.
const (
	GCS  = "gcs"
	Disk = "disk"
)

// Cache is where weights and compiled code are kept. The numbers go only with mode disk.
type Cache struct {
	Mode          string `json:"mode"`          // gcs: a bucket that all share; disk: a volume for each pod
	SizeGiB       int    `json:"sizeGiB"`       // 0: twice what is fetched, at least 200
	IOPS          int    `json:"iops"`          // 0: 10000
	ThroughputMiB int    `json:"throughputMiB"` // MiB per second; 0: 1200
}

// GKE is the control plane's version policy.
type GKE struct {
	ReleaseChannel string `json:"releaseChannel"`
	MinVersion     string `json:"minVersion"`
	// SecretsKey is the Cloud KMS key for Kubernetes Secrets; empty: Google's own.
	SecretsKey string `json:"secretsKey"`
}

// SystemPool is the CPU node pool.
type SystemPool struct {
	MachineType string `json:"machineType"`
	Nodes       int    `json:"nodes"`
}

// How long up waits for the model server unless told: it loads weights and compiles,
// and with flex-start it first stands in Google's queue.
const (
	ready      = time.Hour
	readyQueue = 24 * time.Hour
)

// defaults is what an environment that says nothing gets. Scalars that a user most
// often sets have theirs in Pulumi.yaml, where pulumi config shows them.
func defaults() Config {
	return Config{
		GKE: GKE{ReleaseChannel: "REGULAR", MinVersion: "1.35"},
		// The hours are what GKE gives to a window that only has a start.
		Maintenance: Maintenance{Window: Window{Start: "03:00", Hours: 4}},
		Monitoring:  Monitoring{Enabled: true},
		SystemPool:  SystemPool{MachineType: "e2-standard-8", Nodes: 1},
		Network: Network{
			Nodes:        "10.0.0.0/20",
			Pods:         "10.4.0.0/14",
			Services:     "10.8.0.0/20",
			ControlPlane: "172.16.0.0/28",
		},
		Cache: Cache{Mode: GCS},
	}
}

// Load reads and checks every key. The error joins all that is wrong.
func Load(source Source) (*Config, error) {
	c := defaults()
	r := &reader{source: source}

	c.Project = r.text("gcp:project")
	c.Zone = r.text("gcp:zone")
	c.Region = regionOf(c.Zone)
	s := server{id: r.text("sglang-tpu:model"), topology: r.text("sglang-tpu:topology")}
	c.Revision = r.text("sglang-tpu:modelRevision")
	s.customRead = r.object("sglang-tpu:customModel", &s.custom)
	s.arguments = r.words("sglang-tpu:serverArguments")
	c.TrustRemoteCode = r.booleanOr("sglang-tpu:trustRemoteCode", true)
	environmentRead := r.object(environmentKey, &c.ServerEnvironment)
	c.Replicas = r.integer("sglang-tpu:replicas", 1)
	capacityRead := r.object("sglang-tpu:capacity", &c.Capacity)
	c.HasHFToken = r.secret("sglang-tpu:hfToken")
	c.HFTokenSecret = r.optional("sglang-tpu:hfTokenSecret")
	c.HasAPIKey = r.secret("sglang-tpu:apiKey")
	imageRead := r.object("sglang-tpu:image", &c.Image)
	cacheRead := r.object("sglang-tpu:cache", &c.Cache)
	r.object("sglang-tpu:gke", &c.GKE)
	maintenanceRead := r.object(maintenanceKey, &c.Maintenance)
	monitoringRead := r.object(monitoringKey, &c.Monitoring)
	r.object("sglang-tpu:systemPool", &c.SystemPool)
	r.object("sglang-tpu:network", &c.Network)
	r.object("sglang-tpu:labels", &c.Labels)
	c.LeaderWorkerSet = r.text("sglang-tpu:leaderWorkerSet")
	c.LWSChart = r.text("sglang-tpu:lwsChart")
	minutes := r.integer("sglang-tpu:readyMinutes", 0)
	c.Protect = r.boolean("sglang-tpu:protect")

	r.check(checkKeys(source.Keys))
	region, _ := source.Get("gcp:region")
	r.check(checkPlace(c, region))
	r.check(checkPlaceholders(c))
	r.check(s.plan(&c))
	// What could not be read would be called missing as well.
	if capacityRead {
		r.check(checkCapacity(c.Capacity))
	}
	if imageRead {
		r.check(checkImage(c.Image))
	}
	if cacheRead {
		r.check(checkCache(c.Cache))
	}
	if environmentRead {
		r.check(checkEnvironment(c.ServerEnvironment, source.IsSecret))
	}
	r.check(checkRevision(c.Revision))
	r.check(checkNetwork(c.Network))
	r.check(checkSizes(c, minutes))
	r.check(checkToken(c))
	r.check(checkGKE(c.GKE, c.Region))
	if maintenanceRead {
		r.check(checkMaintenance(c.Maintenance))
	}
	if monitoringRead {
		r.check(checkMonitoring(c.Monitoring))
	}
	r.check(checkLabels(c.Labels))
	if c.LeaderWorkerSet != "" {
		r.check(because("sglang-tpu:leaderWorkerSet", names.CheckSet(c.LeaderWorkerSet, c.Replicas)))
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	c.Cache = c.Cache.orDefaults(c.Model.RepositoryGiB())
	c.Ready = c.Capacity.patience(minutes)
	asked := c.Maintenance.Exclusions
	c.Maintenance = c.Maintenance.orDefaults(c)
	c.Warnings = append(append(c.Warnings, warnPlace(c.Zone)...), warnImage(c.Image)...)
	c.Warnings = append(append(c.Warnings, s.warn(&c)...), warnCapacity(c)...)
	c.Warnings = append(append(c.Warnings, warnEncryption(c.GKE)...), warnMaintenance(c, asked, source.now())...)
	return &c, nil
}
