package cloud

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ofProgram are the program's ignoreChanges of the slice.
var ofProgram = []string{"nodeConfig.advancedMachineFeatures", "nodeConfig.guestAccelerators", "nodeConfig.kubeletConfig", "initialNodeCount"}

func TestDiffOfANodePool(t *testing.T) {
	full := func(set ...any) Values {
		return slice(append([]any{
			"nodeConfig.diskSizeGb", 200.0, "nodeConfig.imageType", "COS_CONTAINERD", "nodeConfig.labels", object("a.b/c", "1"),
			"nodeConfig.resourceLabels", object("team", "ml"), "nodeConfig.tags",
			[]any{"node"},
			"nodeConfig.taints",
			[]any{object("key", "google.com/tpu", "value", "present", "effect", "NO_SCHEDULE")},
			"nodeConfig.reservationAffinity", object("consumeReservationType", "SPECIFIC_RESERVATION", "key", "k", "values", []any{"a", "b"}),
			"management", object("autoRepair", true), "upgradeSettings", object("maxSurge", 0.0, "maxUnavailable", 1.0),
		}, set...)...)
	}
	for name, test := range map[string]struct {
		inputs  Values
		ignored []string
		want    []Change
	}{
		"nothing":                          {full(), ofProgram, nil},
		"what GKE adds and is not ignored": {full(), nil, []Change{{"nodeConfig.advancedMachineFeatures", true}}},
		"machine type":                     {full("nodeConfig.machineType", "e2-standard-8"), ofProgram, []Change{{"nodeConfig.machineType", false}}},
		"disk type":                        {full("nodeConfig.diskType", "hyperdisk-extreme"), ofProgram, []Change{{"nodeConfig.diskType", false}}},
		"disk size":                        {full("nodeConfig.diskSizeGb", 300.0), ofProgram, []Change{{"nodeConfig.diskSizeGb", false}}},
		"image":                            {full("nodeConfig.imageType", "UBUNTU_CONTAINERD"), ofProgram, []Change{{"nodeConfig.imageType", false}}},
		"image in small letters":           {full("nodeConfig.imageType", "cos_containerd"), ofProgram, nil},
		"spot":                             {full("nodeConfig.spot", false), ofProgram, []Change{{"nodeConfig.spot", true}}},
		"spot left out is false":           {full("nodeConfig", object("machineType", "tpu7x-standard-4t", "diskType", "hyperdisk-balanced", "serviceAccount", "nodes@p")), nil, []Change{{"nodeConfig.advancedMachineFeatures", true}, {"nodeConfig.reservationAffinity", true}, {"nodeConfig.resourceLabels.team", false}, {"nodeConfig.spot", true}, {"nodeConfig.tags", false}, {"nodeConfig.taints", false}}},
		"shielded by default":              {full("nodeConfig.shieldedInstanceConfig", object("enableIntegrityMonitoring", true)), ofProgram, []Change{{"nodeConfig.shieldedInstanceConfig", true}}},
		"reservation in another order":     {full("nodeConfig.reservationAffinity.values", []any{"b", "a"}), ofProgram, nil},
		"another reservation":              {full("nodeConfig.reservationAffinity.values", []any{"c"}), ofProgram, []Change{{"nodeConfig.reservationAffinity.values", true}}},
		"a label with dots":                {full("nodeConfig.labels", object("a.b/c", "2")), ofProgram, []Change{{`nodeConfig.labels["a.b/c"]`, false}}},
		"a resource label more":            {full("nodeConfig.resourceLabels", object("team", "ml", "env", "dev")), ofProgram, []Change{{"nodeConfig.resourceLabels.env", false}}},
		"a taint's value":                  {full("nodeConfig.taints", []any{object("key", "google.com/tpu", "value", "x", "effect", "NO_SCHEDULE")}), ofProgram, []Change{{"nodeConfig.taints[0].value", false}}},
		"repair left out is true":          {full("management", object("autoUpgrade", true)), ofProgram, nil},
		"management left out":              {full("management", nil), ofProgram, nil},
		"strategy by default":              {full("upgradeSettings", object("maxSurge", 0.0, "maxUnavailable", 1.0, "strategy", "SURGE")), ofProgram, nil},
		"zones":                            {full("nodeLocations", []any{"us-central1-a"}), ofProgram, []Change{{"nodeLocations", false}}},
		"nodes":                            {full("nodeCount", 3.0), ofProgram, []Change{{"nodeCount", false}}},
		"ignored":                          {full("nodeCount", 3.0), append(ofProgram, "nodeCount"), nil},
		"ignored above":                    {full("nodeConfig.spot", false), []string{"nodeConfig"}, nil},
		"not known yet":                    {full("nodeConfig.serviceAccount", Unknown), ofProgram, []Change{{"nodeConfig.serviceAccount", true}}},
		"placement dropped":                {full("placementPolicy", nil), ofProgram, []Change{{"placementPolicy", true}}},
		"policy's name":                    {full("placementPolicy.policyName", "other"), ofProgram, []Change{{"placementPolicy.policyName", true}}},
		"policy's type and topology":       {full("placementPolicy.type", "COMPACT", "placementPolicy.tpuTopology", "2x2x4"), ofProgram, []Change{{"placementPolicy.tpuTopology", false}, {"placementPolicy.type", false}}},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := open(t, stateFile(t))
			withCluster(t, c)
			r := create(t, c, nodePoolKind, full())
			got, err := Diff(nodePoolKind, r.Outputs, test.inputs, test.ignored)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestDiffOfOtherResources(t *testing.T) {
	private := object("enablePrivateNodes", true, "enablePrivateEndpoint", true, "masterIpv4CidrBlock", "172.16.0.0/28")
	auth := object("clientCertificateConfig", object("issueClientCertificate", false))
	for name, test := range map[string]struct {
		typ           string
		state, inputs Values
		want          []Change
	}{
		"private nodes":    {clusterKind, Values{"privateClusterConfig": private}, Values{"privateClusterConfig": object("enablePrivateNodes", false, "enablePrivateEndpoint", true)}, []Change{{"privateClusterConfig.enablePrivateNodes", true}}},
		"private endpoint": {clusterKind, Values{"privateClusterConfig": private}, Values{"privateClusterConfig": object("enablePrivateNodes", true, "enablePrivateEndpoint", false)}, []Change{{"privateClusterConfig.enablePrivateEndpoint", false}}},
		"client certificate": {
			clusterKind,
			Values{"masterAuth": auth},
			Values{"masterAuth": object("clientCertificateConfig", object("issueClientCertificate", true))},
			[]Change{{"masterAuth.clientCertificateConfig.issueClientCertificate", true}},
		},
		"add-ons left out stay":        {clusterKind, Values{"addonsConfig": object("gcsFuseCsiDriverConfig", object("enabled", true))}, Values{}, nil},
		"secret add-on left out goes":  {clusterKind, Values{"secretManagerConfig": object("enabled", true)}, Values{}, []Change{{"secretManagerConfig", false}}},
		"an address is no inputs":      {clusterKind, Values{"endpoint": "1.2.3.4", "status": "x"}, Values{}, nil},
		"protection left out is true":  {clusterKind, Values{"deletionProtection": false}, Values{}, []Change{{"deletionProtection", false}}},
		"network by its name":          {clusterKind, Values{"network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"}, Values{"network": "n"}, nil},
		"network by its path":          {clusterKind, Values{"network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"}, Values{"network": "projects/p/global/networks/n"}, nil},
		"another network":              {clusterKind, Values{"network": "projects/p/global/networks/n"}, Values{"network": "projects/p/global/networks/m"}, []Change{{"network", true}}},
		"subsetting switched on":       {clusterKind, Values{}, Values{"enableL4IlbSubsetting": true}, []Change{{"enableL4IlbSubsetting", false}}},
		"subsetting switched off":      {clusterKind, Values{"enableL4IlbSubsetting": true}, Values{}, []Change{{"enableL4IlbSubsetting", true}}},
		"authorized in another order":  {clusterKind, Values{"masterAuthorizedNetworksConfig": object("cidrBlocks", []any{object("cidrBlock", "a"), object("cidrBlock", "b")})}, Values{"masterAuthorizedNetworksConfig": object("cidrBlocks", []any{object("cidrBlock", "b"), object("cidrBlock", "a")})}, nil},
		"a range that grows":           {subnetKind, Values{"ipCidrRange": "10.0.16.0/20"}, Values{"ipCidrRange": "10.0.0.0/16"}, []Change{{"ipCidrRange", false}}},
		"a range that shrinks":         {subnetKind, Values{"ipCidrRange": "10.0.0.0/20"}, Values{"ipCidrRange": "10.0.0.0/21"}, []Change{{"ipCidrRange", true}}},
		"a range elsewhere":            {subnetKind, Values{"ipCidrRange": "10.0.0.0/20"}, Values{"ipCidrRange": "10.1.0.0/20"}, []Change{{"ipCidrRange", true}}},
		"a secondary range":            {subnetKind, Values{"secondaryIpRanges": []any{object("rangeName", "pods", "ipCidrRange", "a")}}, Values{"secondaryIpRanges": []any{object("rangeName", "pods", "ipCidrRange", "b")}}, []Change{{"secondaryIpRanges[0].ipCidrRange", false}}},
		"flow logs' sampling":          {subnetKind, Values{"logConfig": object("flowSampling", 0.5)}, Values{"logConfig": object()}, nil},
		"firewall's network":           {firewallKind, Values{"network": "n"}, Values{"network": "m"}, []Change{{"network", false}}},
		"firewall's direction":         {firewallKind, Values{"direction": "INGRESS"}, Values{"direction": "EGRESS"}, []Change{{"direction", true}}},
		"firewall's priority left out": {firewallKind, Values{"priority": 1000.0}, Values{}, nil},
		"policy's name":                {policyKind, Values{"name": "a"}, Values{"name": "b"}, []Change{{"name", false}}},
		"policy's topology":            {policyKind, policyValues(), Values{"project": "p", "name": "policy", "region": "us-central1", "workloadPolicy": object("type", "HIGH_THROUGHPUT", "acceleratorTopology", "2x2x4")}, []Change{{"workloadPolicy.acceleratorTopology", true}}},
		"workload policy dropped":      {policyKind, policyValues(), Values{"project": "p", "name": "policy", "region": "us-central1"}, []Change{{"workloadPolicy", true}}},
		"bucket's class":               {bucketKind, Values{"storageClass": "STANDARD"}, Values{"storageClass": "NEARLINE"}, []Change{{"storageClass", false}}},
		"bucket's lock":                {bucketKind, Values{"retentionPolicy": object("isLocked", true, "retentionPeriod", 1.0)}, Values{"retentionPolicy": object("retentionPeriod", 1.0)}, []Change{{"retentionPolicy.isLocked", true}}},
		"clean-up in another order":    {repositoryKind, Values{"cleanupPolicies": []any{object("id", "a"), object("id", "b", "condition", object("tagState", "ANY"))}}, Values{"cleanupPolicies": []any{object("id", "b", "condition", object("olderThan", "")), object("id", "a")}}, nil},
		"repository's format":          {repositoryKind, Values{"format": "DOCKER"}, Values{"format": "docker"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Diff(test.typ, test.state, test.inputs, nil)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestCheckRejectsWhatTheProviderRejects(t *testing.T) {
	for name, test := range map[string]struct {
		typ    string
		inputs Values
		want   map[string]string
	}{
		"nothing":        {nodePoolKind, slice(), map[string]string{}},
		"a typing error": {nodePoolKind, slice("nodeConfig.machinetype", "x"), map[string]string{"nodeConfig.machinetype": "Invalid or unknown key"}},
		"Pulumi's note":  {nodePoolKind, slice("__defaults", []any{}), map[string]string{}},
		"Google's own":   {clusterKind, Values{"name": "c", "masterVersion": "1.35"}, map[string]string{"masterVersion": "Value for unconfigurable attribute. Can't configure a value for \"masterVersion\": its value will be decided automatically based on the result of applying this configuration."}},
		"required":       {accountKind, Values{}, map[string]string{"accountId": "Missing required property 'accountId'"}},
		"required inside": {
			nodePoolKind, slice("nodeConfig.taints", []any{object("key", "k", "value", Unknown)}),
			map[string]string{"nodeConfig.taints[0].effect": "Missing required property 'nodeConfig.taints[0].effect'"},
		},
		"a name":                          {networkKind, Values{}, map[string]string{"name": "Missing required property 'name': the emulated Google Cloud does not generate names"}},
		"conflicts":                       {policyKind, Values{"name": "p", "workloadPolicy": object("type", "t", "acceleratorTopology", "a", "maxTopologyDistance", "b")}, map[string]string{"workloadPolicy.acceleratorTopology": "Conflicting configuration arguments. \"workloadPolicy.acceleratorTopology\": conflicts with workloadPolicy.maxTopologyDistance", "workloadPolicy.maxTopologyDistance": "Conflicting configuration arguments. \"workloadPolicy.maxTopologyDistance\": conflicts with workloadPolicy.acceleratorTopology"}},
		"conflict with what is not known": {policyKind, Values{"name": "p", "workloadPolicy": object("type", "t", "acceleratorTopology", "a", "maxTopologyDistance", Unknown)}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Check(test.typ, test.inputs)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}
