package review

import (
	"slices"
	"strings"
)

// Type tokens of the program's resources.
const (
	nodePool     = "gcp:container/nodePool:NodePool"
	cluster      = "gcp:container/cluster:Cluster"
	policy       = "gcp:compute/resourcePolicy:ResourcePolicy"
	network      = "gcp:compute/network:Network"
	subnetwork   = "gcp:compute/subnetwork:Subnetwork"
	firewall     = "gcp:compute/firewall:Firewall"
	repository   = "gcp:artifactregistry/repository:Repository"
	bucket       = "gcp:storage/bucket:Bucket"
	account      = "gcp:serviceaccount/account:Account"
	set          = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
	definition   = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
	namespace    = "kubernetes:core/v1:Namespace"
	service      = "kubernetes:core/v1:Service"
	secret       = "kubernetes:core/v1:Secret"
	deployment   = "kubernetes:apps/v1:Deployment"
	job          = "kubernetes:batch/v1:Job"
	storageClass = "kubernetes:storage.k8s.io/v1:StorageClass"
	computeClass = "kubernetes:cloud.google.com/v1:ComputeClass"

	inSlice      = "sglang-tpu:infra:Slice"
	inServing    = "sglang-tpu:infra:Serving"
	inController = "sglang-tpu:infra:LeaderWorkerSetController"
	inMonitoring = "sglang-tpu:infra:Monitoring"
)

// rule describes the consequences of one kind of change. The first matching rule applies, so
// specific rules come before general ones.
type rule struct {
	typ      string // a type token, possibly with one *
	inside   string // type of a component that contains the resource; empty for any
	ops      []Op
	property string // prefixes of the property without indices, separated by spaces; empty for any
	queued   bool   // only flex-start node pools
	fallback bool   // only autoscaled node pools
	class    Class
	// perGroup means that the class depends on the number of groups; see facts.perGroup.
	perGroup bool
	loses    bool // something is lost that cannot be recovered, or that traffic or chips depend on
	caution  bool // in the first list of the report, although the endpoint keeps serving
	text     string
}

// nodesRecreated is the consequence of an update in place of all nodes of a slice.
const nodesRecreated = "in place, but GKE recreates all nodes of the slice at once, without a spare node: its group stops serving; its {chips} chips are released and have to be obtained again; {weights}"

// In the report, the text of a rule follows the description of the change. For the
// placeholders see facts.fill.
var rules = []rule{
	{typ: "*", inside: inMonitoring, ops: []Op{Create, Update, Replace, Delete}, class: None, text: "only metrics, alerts and the dashboard change"},
	// TPU slices.
	{typ: nodePool, inside: inSlice, ops: []Op{Create}, fallback: true, class: None, text: "no chips are requested until a group needs a slice; running groups keep serving"},
	{typ: nodePool, inside: inSlice, ops: []Op{Replace}, class: SliceRebuild, text: "its group stops serving; its {chips} chips are released, and a new slice has to be obtained; {weights}"},
	{typ: nodePool, inside: inSlice, ops: []Op{Delete}, class: GroupRestart, loses: true, text: "its {chips} chips are released; the group on it ends, and a remaining group that ran there restarts on a slice that becomes free"},
	{typ: nodePool, inside: inSlice, ops: []Op{Create}, class: None, text: "{chips} chips are requested, which takes as long as Google needs; running groups keep serving"},
	{typ: nodePool, inside: inSlice, ops: []Op{Update}, property: "nodeConfig.labels nodeConfig.resourceLabels nodeConfig.taints nodeConfig.tags", class: None, text: "GKE changes the nodes without restarting them"},
	// GKE's short-lived upgrades: https://cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies
	{typ: nodePool, inside: inSlice, ops: []Op{Update}, property: "nodeConfig version", queued: true, class: None, text: "existing flex-start nodes stay as they are until they are deleted; later nodes get the change"},
	// This includes machine type, disk and image: the provider updates them in place, and GKE
	// recreates the nodes by upgradeSettings, without surge nodes for a slice.
	{typ: nodePool, inside: inSlice, ops: []Op{Update}, property: "nodeConfig version", class: SliceRebuild, text: nodesRecreated},
	{typ: nodePool, inside: inSlice, ops: []Op{Update}, property: "placementPolicy", class: None, caution: true, text: "the provider neither replaces nor updates the node pool: nothing happens, and each preview shows the change again"},
	{typ: nodePool, inside: inSlice, ops: []Op{Update}, property: "nodeLocations", class: SliceRebuild, text: "GKE deletes its nodes in one zone and creates them in the other; its group stops serving; {weights}"},
	{typ: nodePool, inside: inSlice, ops: []Op{Update}, class: None, text: "in place"},
	{typ: policy, ops: []Op{Replace}, class: SliceRebuild, text: "until it is back no node pool can refer to it"},
	{typ: policy, ops: []Op{Delete, Create, Update}, class: None},

	// The cluster and its other nodes.
	{typ: cluster, ops: []Op{Replace}, class: ClusterRebuild, loses: true, text: "everything in it is deleted and created again: slices, controller and server"},
	{typ: cluster, ops: []Op{Delete}, class: ClusterRebuild, loses: true, text: "everything in it is deleted"},
	{typ: cluster, ops: []Op{Update}, property: "minMasterVersion", class: None, caution: true, text: "the control plane is upgraded, and does not go back; nodes follow in a maintenance window that no exclusion covers, and each slice's group then restarts"},
	{typ: cluster, ops: []Op{Update}, property: "releaseChannel", class: None, caution: true, text: "GKE upgrades along another channel; nodes follow in a maintenance window that no exclusion covers, and each slice's group then restarts"},
	{typ: cluster, ops: []Op{Update}, property: "maintenancePolicy", class: None, caution: true, text: "the times of GKE's automatic upgrades change; in a window that no exclusion of node upgrades covers, GKE recreates the nodes of slices, and their groups restart"},
	{typ: cluster, ops: []Op{Update}, property: "deletionProtection", class: None, caution: true, text: "the cluster's deletion protection in GKE changes"},
	{typ: cluster, ops: []Op{Update}, property: "enableIntranodeVisibility", class: GroupRestart, text: "GKE restarts the nodes; {weights}"},
	{typ: cluster, ops: []Op{Update}, property: "masterAuthorizedNetworksConfig", class: None, caution: true, text: "the ranges that may reach the control plane's public address change"},
	{typ: cluster, ops: []Op{Create, Update}, class: None, text: "the control plane changes in place; nodes and pods keep running"},
	{typ: nodePool, ops: []Op{Replace}, class: Rolling, text: "controllers move to new nodes; until they run, no group can be restarted"},
	{typ: nodePool, ops: []Op{Delete}, class: Rolling, loses: true, text: "its pods have no node to run on"},
	{typ: nodePool, ops: []Op{Update}, property: "nodeLocations", class: Rolling, text: "its nodes move to another zone, and the controllers on them, too"},
	{typ: nodePool, ops: []Op{Update}, property: "nodeConfig.labels nodeConfig.resourceLabels nodeConfig.taints nodeConfig.tags", class: None, text: "GKE changes the nodes without restarting them"},
	{typ: nodePool, ops: []Op{Update}, property: "nodeCount", class: None, text: "nodes are added or drained; the server runs on other nodes"},
	{typ: nodePool, ops: []Op{Update}, property: "nodeConfig", class: Rolling, text: "its nodes are recreated, and the controllers on them move; the server runs on other nodes"},
	{typ: nodePool, ops: []Op{Create, Update}, class: None, text: "the server runs on other nodes"},

	// The network.
	{typ: network, ops: []Op{Replace}, class: ClusterRebuild, loses: true, text: "the cluster is in it and is created again, too"},
	{typ: network, ops: []Op{Delete}, class: ClusterRebuild, loses: true, text: "the cluster is in it"},
	{typ: subnetwork, ops: []Op{Replace}, class: ClusterRebuild, loses: true, text: "the cluster has its addresses from it and is created again, too"},
	{typ: subnetwork, ops: []Op{Delete}, class: ClusterRebuild, loses: true, text: "the cluster has its addresses from it"},
	{typ: subnetwork, ops: []Op{Update}, property: "ipCidrRange", class: None, text: "the range grows in place; nodes keep their addresses"},
	{typ: subnetwork, ops: []Op{Update}, property: "secondaryIpRanges", class: None, caution: true, text: "Google refuses to change a range that a cluster uses, so pulumi up fails if this is one"},
	{typ: "gcp:compute/router*", ops: []Op{Replace, Delete}, class: None, caution: true, text: "without it nodes have no access to the internet: no image is pulled and nothing is downloaded"},
	{typ: firewall, ops: []Op{Replace, Delete}, class: None, caution: true, text: "without it the traffic that it allows is blocked, such as that to the controller's webhooks"},
	{typ: firewall, ops: []Op{Update}, class: None, caution: true, text: "the rule about who may reach the nodes changes"},
	{typ: "gcp:compute/*", ops: []Op{Create, Update}, class: None},

	// The order in which GKE looks for a slice.
	{typ: computeClass, ops: []Op{Create, Update}, class: None, text: "running slices stay where they are; a group that needs one looks for it in the new order"},
	{typ: computeClass, ops: []Op{Replace, Delete}, class: None, caution: true, text: "running slices stay; without the ComputeClass, GKE gives no slice to a group that needs one"},

	// Images, weights, identities.
	{typ: repository, ops: []Op{Replace, Delete}, class: None, loses: true, text: "every image in it is deleted; a pod that has to start cannot pull until one is built"},
	{typ: bucket, ops: []Op{Replace, Delete}, class: None, loses: true, text: "downloaded weights and compiled code are deleted with it; every start downloads and compiles again"},
	{typ: account, ops: []Op{Replace, Delete}, class: None, caution: true, text: "everything that uses it loses its permissions"},
	{typ: "gcp:projects/iAMMember:IAMMember", ops: []Op{Replace, Delete, Create}, class: None, caution: true, text: "permissions in the project change"},
	{typ: "gcp:projects/service:Service", ops: []Op{Create, Update, Replace, Delete}, class: None},
	{typ: "gcp:*", ops: []Op{Create, Update}, class: None},

	// The server.
	{typ: set, ops: []Op{Replace}, class: GroupRestart, text: "{groups} end first and start again on the same chips; {weights}"},
	{typ: set, ops: []Op{Delete}, class: GroupRestart, loses: true, text: "the endpoint stops"},
	{typ: set, ops: []Op{Create}, class: None},
	{typ: set, ops: []Op{Update}, property: "spec.leaderWorkerTemplate", perGroup: true, text: "{restart}"},
	{typ: set, ops: []Op{Update}, property: "spec.replicas", class: None, text: "{replicas}"},
	{typ: set, ops: []Op{Update}, class: None, text: "no pod restarts"},
	{typ: service, ops: []Op{Replace}, class: Rolling, caution: true, text: "clients lose their connections, and its address changes"},
	{typ: service, inside: inServing, ops: []Op{Delete}, class: GroupRestart, loses: true, text: "clients cannot reach the server"},
	{typ: service, ops: []Op{Delete}, class: None, caution: true, text: "its pods can no longer be reached by that name"},
	{typ: secret, ops: []Op{Update, Replace}, class: None, caution: true, text: "pods read it when they start: running pods keep the old value"},
	{typ: secret, ops: []Op{Delete}, class: None, loses: true, text: "a pod that needs it does not start again"},
	{typ: storageClass, ops: []Op{Replace, Update}, class: None, text: "existing volumes stay as they are; new pods get the new kind"},
	{typ: storageClass, ops: []Op{Delete}, class: None, caution: true, text: "existing volumes stay; no new volume of that kind is created"},
	{typ: job, ops: []Op{Create, Replace, Update}, class: None, text: "it runs once, on the system pool"},
	{typ: job, ops: []Op{Delete}, class: None},

	// The controller and other objects in the cluster.
	{typ: definition, ops: []Op{Replace, Delete}, class: GroupRestart, loses: true, text: "every object of that kind is deleted with its definition"},
	{typ: definition, ops: []Op{Create, Update}, class: None},
	{typ: namespace, inside: inServing, ops: []Op{Replace, Delete}, class: GroupRestart, loses: true, text: "everything in it is deleted, the server too"},
	{typ: namespace, ops: []Op{Replace, Delete}, class: Rolling, loses: true, text: "everything in it is deleted"},
	{typ: deployment, inside: inController, ops: []Op{Update, Replace}, class: Rolling, caution: true, text: "the controller restarts; groups keep running, but a new version of it may restart them all (kubernetes-sigs/lws#797)"},
	{typ: deployment, inside: inController, ops: []Op{Delete}, class: Rolling, loses: true, text: "from then on no group is restarted, and none can be deleted"},
	{typ: "kubernetes:admissionregistration.k8s.io/*", ops: []Op{Replace, Delete}, class: None, caution: true, text: "without it LeaderWorkerSets are accepted unchecked, or refused"},
	{typ: "kubernetes:networking.k8s.io/*", ops: []Op{Create, Update, Replace, Delete}, class: None, caution: true, text: "the traffic that is allowed between pods changes"},
	{typ: "kubernetes:*", ops: []Op{Create, Update}, class: None},
	{typ: "kubernetes:rbac.authorization.k8s.io/*", ops: []Op{Replace, Delete}, class: None, caution: true, text: "permissions in the cluster change"},
	{typ: "kubernetes:core/v1:ServiceAccount", ops: []Op{Replace, Delete}, class: None, caution: true, text: "without it the pods that use it cannot start"},
	{typ: "kubernetes:core/v1:ConfigMap", ops: []Op{Replace, Delete}, class: None},
	{typ: "kubernetes:policy/*", ops: []Op{Replace, Delete}, class: None},
	{typ: "gcp:monitoring/*", ops: []Op{Replace, Delete}, class: None, caution: true, text: "without it nobody is notified, and the incidents of an alert end with it"},
	{typ: "kubernetes:monitoring.googleapis.com/*", ops: []Op{Replace, Delete}, class: None, caution: true, text: "without it there are no metrics"},
	{typ: deployment, ops: []Op{Replace, Delete}, class: Rolling, caution: true, text: "its pods end"},
	{typ: "gcp:*IamMember", ops: []Op{Replace, Delete}, class: None, caution: true, text: "that permission is lost, for a moment if it is replaced"},
	{typ: "gcp:*IAMMember", ops: []Op{Replace, Delete}, class: None, caution: true, text: "that permission is lost, for a moment if it is replaced"},
}

// unknown applies if no rule matches. It never counts as harmless.
var unknown = rule{class: Rolling, caution: true, text: "this review has no rule for it"}

func (r rule) fits(s Step, property string) bool {
	if !matches(r.typ, s.Type()) || !s.inside(r.inside) || r.queued && s.input("nodeConfig.flexStart") != true ||
		r.fallback && s.input("autoscaling") == nil {
		return false
	}
	property = plain(property)
	matchesPrefix := func(with string) bool { return related(property, with) || strings.HasPrefix(property, with) }
	return slices.Contains(r.ops, s.Op) && (r.property == "" || slices.ContainsFunc(strings.Fields(r.property), matchesPrefix))
}

// input returns the new value of a property; nil if the resource is deleted.
func (s Step) input(path string) any {
	if s.New == nil {
		return nil
	}
	return at(s.New.Inputs, path)
}

// matches compares a type token with a pattern that may contain one *.
func matches(pattern, typ string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == typ
	}
	return len(typ) >= len(before)+len(after) && strings.HasPrefix(typ, before) && strings.HasSuffix(typ, after)
}

// ruleFor returns the rule of a step, or of one property of an update.
func ruleFor(s Step, property string) rule {
	for _, r := range rules {
		if r.fits(s, property) {
			return r
		}
	}
	u := unknown
	u.loses = s.Op == Delete || s.Op == Replace
	return u
}
