package schema

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFileOfPropertiesIsRead(t *testing.T) {
	typ, properties, err := Parse("gcp:a/b:B\n" +
		"name string required replaces\n" +
		"config object computed\n" +
		"\trules set conflicts=name,config.on\n" +
		"\t\tport int default=80\n" +
		"\t\ton bool default=false\n" +
		"\tlabels map\n" +
		"address string output secret\n" +
		"empty string default=\n")
	require.NoError(t, err)
	assert.Equal(t, "gcp:a/b:B", typ)
	assert.Equal(t, []*Property{
		{Name: "name", Kind: String, Required: true, ForceNew: true},
		{Name: "config", Kind: Object, Computed: true, Inside: []*Property{
			{Name: "rules", Kind: Set, Conflict: []string{"name", "config.on"}, Inside: []*Property{
				{Name: "port", Kind: Int, Default: 80.0}, {Name: "on", Kind: Bool, Default: false},
			}},
			{Name: "labels", Kind: Map},
		}},
		{Name: "address", Kind: String, Output: true, Secret: true},
		{Name: "empty", Kind: String, Default: ""},
	}, properties)
	assert.Equal(t, 80.0, At(properties, "config.rules[*].port").Default)
	assert.Equal(t, "labels", At(properties, "config.labels.any.thing").Name)
	assert.Nil(t, At(properties, "config.none"))
	assert.Nil(t, At(properties, "name.none"))
}

func TestAFileWithAnErrorIsNotRead(t *testing.T) {
	for text, want := range map[string]string{
		"t\nname\n":                        `line 2: "name" has no kind`,
		"t\nname text\n":                   `line 2: "text" is not a kind`,
		"t\nname string often\n":           `"often" is not a flag`,
		"t\nname string\n\tin string\n":    `line 3: "\tin string" is indented too far`,
		"t\nnumber int default=many\n":     "invalid syntax",
		"t\nlist list default=something\n": "a list cannot have a default",
	} {
		_, _, err := Parse(text)
		require.ErrorContains(t, err, want, text)
	}
}

// Declarations of the provider that are surprising.
func TestPropertiesMatchTheProvidersSchema(t *testing.T) {
	for path, want := range map[string]Property{
		"gcp:container/nodePool:NodePool nodeConfig.machineType":                           {Kind: String, Computed: true},
		"gcp:container/nodePool:NodePool nodeConfig.spot":                                  {Kind: Bool, ForceNew: true, Default: false},
		"gcp:container/nodePool:NodePool placementPolicy.tpuTopology":                      {Kind: String},
		"gcp:container/nodePool:NodePool management.autoRepair":                            {Kind: Bool, Default: true},
		"gcp:container/cluster:Cluster privateClusterConfig.enablePrivateNodes":            {Kind: Bool, ForceNew: true},
		"gcp:container/cluster:Cluster masterAuth.clientKey":                               {Kind: String, Output: true, Secret: true},
		"gcp:container/cluster:Cluster ipAllocationPolicy.servicesIpv4CidrBlock":           {Kind: String, Computed: true, ForceNew: true, Conflict: []string{"ipAllocationPolicy.clusterSecondaryRangeName", "ipAllocationPolicy.servicesSecondaryRangeName"}},
		"gcp:compute/firewall:Firewall network":                                            {Kind: String, Required: true},
		"gcp:compute/resourcePolicy:ResourcePolicy name":                                   {Kind: String, Required: true},
		"gcp:storage/bucket:Bucket softDeletePolicy.retentionDurationSeconds":              {Kind: Int, Default: 604800.0},
		"gcp:artifactregistry/repository:Repository cleanupPolicies[*].condition.tagState": {Kind: String, Default: "ANY"},
	} {
		typ, property, _ := strings.Cut(path, " ")
		got := At(Of(typ), property)
		require.NotNil(t, got, path)
		want.Name = got.Name
		assert.Equal(t, want, *got, path)
	}
	assert.Nil(t, Of("gcp:sql/databaseInstance:DatabaseInstance"))
}

// Every path in a conflict exists.
func TestConflictingPropertiesExistInTheSchema(t *testing.T) {
	var walk func(typ string, level []*Property)
	walk = func(typ string, level []*Property) {
		for _, p := range level {
			for _, path := range p.Conflict {
				assert.NotNil(t, At(Of(typ), path), "%s: %s conflicts with %s", typ, p.Name, path)
			}
			walk(typ, p.Inside)
		}
	}
	for _, typ := range Types() {
		walk(typ, Of(typ))
	}
}
