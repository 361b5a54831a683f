package cloud

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/spec/topology"
)

func cluster() kind {
	return kind{
		id:         format("projects/%s/locations/%s/clusters/%s", "project", "location", "name"),
		references: map[string]string{"network": networkKind, "subnetwork": subnetKind},
		minutes:    7,
		check:      checkCluster,
		create:     (*operation).startCluster,
		update: func(o *operation) error {
			o.cloud.mu.Lock()
			defer o.cloud.mu.Unlock()
			out := o.resource.Outputs
			out["masterVersion"] = versionFor(out.text("masterVersion"), o.resource.Inputs.text("minMasterVersion"))
			return nil
		},
		outputs: encrypted,
		remove: func(o *operation) error {
			// A check of the provider alone (container/resource_container_cluster.go).
			if o.resource.Inputs["deletionProtection"] != false {
				return errors.New("Cannot destroy cluster because deletion_protection is set to true. Set it to false to proceed with cluster deletion.")
			}
			return o.cloud.Clusters.DeleteCluster(o.ctx, o.resource.Inputs.text("name"))
		},
	}
}

func (o *operation) startCluster() error {
	in := o.resource.Inputs
	endpoint, err := o.cloud.Clusters.CreateCluster(o.ctx, ClusterSpec{
		Name: in.text("name"), Project: in.text("project"), PodsCIDR: o.cloud.secondaryRange(in.text("subnetwork"), in.text("ipAllocationPolicy.clusterSecondaryRangeName")),
	})
	if err != nil {
		return err
	}
	o.cloud.mu.Lock()
	defer o.cloud.mu.Unlock()
	o.resource.Outputs["endpoint"] = endpoint
	o.resource.Outputs["selfLink"] = "https://container.googleapis.com/v1/" + o.resource.ID
	o.resource.Outputs["masterVersion"] = versionFor(o.resource.Outputs.text("masterVersion"), in.text("minMasterVersion"))
	if in.truth("controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic") {
		o.resource.Outputs.set("controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint", endpoint)
	}
	return nil
}

func (c *Cloud) secondaryRange(subnet, name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.find(subnetKind, subnet); r != nil {
		for _, secondary := range r.Inputs.objects("secondaryIpRanges") {
			if secondary.text("rangeName") == name {
				return secondary.text("ipCidrRange")
			}
		}
	}
	return ""
}

// clusterHas reports whether a boolean setting of a cluster is on.
func (c *Cloud) clusterHas(cluster, setting string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.find(clusterKind, cluster)
	return r != nil && r.Inputs.truth(setting)
}

// FuseEnabled reports whether a cluster has the Cloud Storage FUSE driver.
func (c *Cloud) FuseEnabled(cluster string) bool {
	return c.clusterHas(cluster, "addonsConfig.gcsFuseCsiDriverConfig.enabled")
}

// SecretManagerEnabled reports whether a cluster has the Secret Manager add-on.
func (c *Cloud) SecretManagerEnabled(cluster string) bool {
	return c.clusterHas(cluster, "secretManagerConfig.enabled")
}

// Resume restarts the clusters and nodes of the state file. Resources whose create was
// interrupted when the emulator stopped are removed: their caller got no answer, and nothing
// would finish them.
func (c *Cloud) Resume(ctx context.Context) error {
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.resources))
	maps.DeleteFunc(c.resources, func(_ string, r *Resource) bool { return r.Creating })
	c.mu.Unlock()
	for _, step := range []struct {
		kind     string
		creating bool
		do       func(*operation) error
	}{
		{clusterKind, true, func(o *operation) error { return c.Clusters.DeleteCluster(ctx, o.resource.Inputs.text("name")) }},
		{clusterKind, false, (*operation).startCluster},
		{nodePoolKind, true, func(o *operation) error { return o.setNodes(nil) }},
		{nodePoolKind, false, (*operation).resumeNodes},
	} {
		for _, r := range all {
			if r.Type != step.kind || r.Creating != step.creating || r.Broken != "" {
				continue
			}
			if err := step.do(&operation{ctx: ctx, cloud: c, resource: r}); err != nil {
				return err
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.save()
}

// resumeNodes restarts a pool's nodes. It takes the cluster's lock, because the cluster is up
// and its autoscaler may already resize the pool.
func (o *operation) resumeNodes() error {
	defer o.cloud.exclusive(o.resource)()
	o.cloud.mu.Lock()
	nodes := o.cloud.nodesOf(o.resource)
	o.cloud.mu.Unlock()
	return o.setNodes(nodes)
}

func checkCluster(c *Cloud, in Values) error {
	if in.text("ipAllocationPolicy.clusterSecondaryRangeName") == "" && in.text("networkingMode") == "VPC_NATIVE" {
		// GKE would create ranges; the program always names them.
		return badRequest("ip_allocation_policy must name secondary ranges of the subnetwork")
	}
	if c.Lenient {
		return nil
	}
	return errors.Join(checkPosture(in), checkMaintenance(in), checkHost(c, in))
}

// computedByTPUPools returns what GKE adds to a TPU pool. The provider then wants to replace
// the pool unless the program ignores the difference. Reported from tpu7x node pools.
func computedByTPUPools(in Values) map[string]any {
	if !tpuMachine.MatchString(in.text("nodeConfig.machineType")) {
		return nil
	}
	return map[string]any{"nodeConfig.advancedMachineFeatures": map[string]any{"threadsPerCore": float64(1)}}
}

func nodePool() kind {
	return kind{
		id: func(in Values) string {
			return in.text("cluster") + "/nodePools/" + in.text("name")
		},
		references: map[string]string{"cluster": clusterKind, "placementPolicy.policyName": policyKind},
		computed:   computedByTPUPools,
		minutes:    2,
		check:      checkNodePool,
		refusal:    "error creating NodePool: ", // container/resource_container_node_pool.go of the provider
		create: func(o *operation) error {
			if err := checkPlacement(o.cloud, o.resource.Inputs); err != nil {
				return broken{err}
			}
			if o.resource.Inputs.text("placementPolicy.policyName") != "" {
				o.cloud.wait(o.ctx, 4)
			}
			return o.setNodes(o.settle())
		},
		update: func(o *operation) error {
			if o.resource.Broken != "" {
				return nil // GKE does not retry to create nodes; open: not seen on a real GKE
			}
			if err := checkPlacement(o.cloud, o.resource.Inputs); err != nil {
				return err
			}
			o.startAutoscaling()
			if recreatesNodes(o.before, o.resource.Inputs) {
				return o.roll()
			}
			return o.setNodes(o.settle())
		},
		remove: func(o *operation) error { return o.setNodes(nil) },
	}
}

// settle updates a pool's outputs to what GKE stores and returns the pool's nodes.
func (o *operation) settle() []Node {
	o.cloud.mu.Lock()
	defer o.cloud.mu.Unlock()
	if o.resource.Inputs.text("placementPolicy.policyName") != "" {
		// GKE drops the type if there is a workload policy (vllm-project/ci-infra pull request 547).
		o.resource.Outputs.set("placementPolicy.type", "")
	}
	if cluster := o.cloud.find(clusterKind, o.resource.Inputs.text("cluster")); cluster != nil && o.resource.Outputs.text("version") == "" {
		o.resource.Outputs["version"] = cluster.Outputs.text("masterVersion")
	}
	nodes := o.cloud.nodesOf(o.resource)
	o.resource.Outputs["nodeCount"] = float64(len(nodes) / len(zones(o.resource.Inputs))) // per zone
	return nodes
}

func (o *operation) setNodes(nodes []Node) error {
	in := o.resource.Inputs
	return o.cloud.Clusters.SetNodes(o.ctx, last(in.text("cluster")), in.text("name"), nodes)
}

// last returns the last segment of a path.
func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// nodesOf returns the nodes that a pool should have; the caller holds mu.
func (c *Cloud) nodesOf(r *Resource) []Node {
	in := r.Inputs
	count := in.number("nodeCount")
	if in["nodeCount"] == nil && in["autoscaling"] == nil {
		count = in.number("initialNodeCount")
	}
	if in["autoscaling"] != nil {
		count = in.number("autoscaling.minNodeCount")
		if r.ScaledUp {
			count = in.number("autoscaling.maxNodeCount")
		}
	}
	var nodes []Node
	for _, zone := range zones(in) {
		for i := range count {
			nodes = append(nodes, c.node(r, zone, i))
		}
	}
	return nodes
}

func names(nodes []Node) []string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.Name
	}
	return all
}

func zones(in Values) []string {
	var names []string
	for _, z := range in.list("nodeLocations") {
		if s, ok := z.(string); ok {
			names = append(names, s)
		}
	}
	if len(names) == 0 {
		names = []string{in.text("location")}
	}
	return names
}

var (
	tpuMachine = regexp.MustCompile(`^tpu7x-standard-(\d+)t$`)
	cpuMachine = regexp.MustCompile(`^[a-z]+\d+[a-z]*-(standard|highmem|highcpu)-(\d+)$`)
)

func (c *Cloud) node(r *Resource, zone string, index int) Node {
	in := r.Inputs
	clusterName, pool, machine := last(in.text("cluster")), in.text("name"), in.text("nodeConfig.machineType")
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s/%s/%d", r.ID, zone, index)
	if r.Generation > 0 {
		fmt.Fprintf(hash, "/%d", r.Generation)
	}
	sum := fmt.Sprintf("%016x", hash.Sum64())
	n := Node{
		Name:        fmt.Sprintf("gke-%.16s-%.16s-%s-%s", clusterName, pool, sum[:8], sum[8:12]),
		Pool:        pool,
		MachineType: machine, Zone: zone,
		ServiceAccount: in.text("nodeConfig.serviceAccount"),
		Version:        r.Outputs.text("version"),
		Streaming:      in.truth("nodeConfig.gcfsConfig.enabled"),
		Labels: map[string]string{
			topology.NodePoolLabel:                   pool,
			"cloud.google.com/machine-family":        strings.Split(machine, "-")[0],
			"cloud.google.com/gke-boot-disk":         in.text("nodeConfig.diskType"),
			"node.kubernetes.io/instance-type":       machine,
			"topology.kubernetes.io/zone":            zone,
			"topology.kubernetes.io/region":          zone[:max(0, strings.LastIndex(zone, "-"))],
			"topology.gke.io/zone":                   zone,
			MetadataServerLabel:                      strconv.FormatBool(in.text("nodeConfig.workloadMetadataConfig.mode") == "GKE_METADATA"),
			"cloud.google.com/gke-container-runtime": "containerd",
			"cloud.google.com/gke-os-distribution":   "cos",
		},
	}
	if in.truth("nodeConfig.spot") {
		n.Labels["cloud.google.com/gke-spot"] = "true"
	}
	if in.truth("nodeConfig.flexStart") {
		n.Labels["cloud.google.com/gke-flex-start"] = "true"
	}
	for key, value := range asMap(in.at("nodeConfig.labels")) {
		n.Labels[key], _ = value.(string)
	}
	for _, t := range in.objects("nodeConfig.taints") {
		n.Taints = append(n.Taints, corev1.Taint{Key: t.text("key"), Value: t.text("value"), Effect: taintEffects[t.text("effect")]})
	}
	if m := tpuMachine.FindStringSubmatch(machine); m != nil {
		n.TPUs, _ = strconv.Atoi(m[1])
		n.CPU, n.Memory = "224", "944Gi"
		n.Labels[topology.AcceleratorLabel] = topology.Accelerator
		n.Labels[topology.TopologyLabel] = topologyOf(in)
		n.Labels["cloud.google.com/gke-accelerator-count"] = m[1]
		if len(n.Taints) == 0 {
			n.Taints = []corev1.Taint{{Key: topology.ResourceName, Value: "present", Effect: corev1.TaintEffectNoSchedule}}
		}
		return n
	}
	n.CPU, n.Memory = cpuSize(machine)
	return n
}

var taintEffects = map[string]corev1.TaintEffect{
	"NO_SCHEDULE": corev1.TaintEffectNoSchedule, "PREFER_NO_SCHEDULE": corev1.TaintEffectPreferNoSchedule, "NO_EXECUTE": corev1.TaintEffectNoExecute,
}

// topologyOf returns a pool's topology: the placement policy's, or for a single host the
// machine type's.
func topologyOf(in Values) string {
	if t := in.text("placementPolicy.tpuTopology"); t != "" {
		return t
	}
	if in.text("nodeConfig.machineType") == "tpu7x-standard-1t" {
		return "1x1x1"
	}
	return "2x2x1"
}
