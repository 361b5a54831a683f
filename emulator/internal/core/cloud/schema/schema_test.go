package schema

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFileOfPropertiesIsRead(t *testing.T) {
	all, err := parse("gcp:a/b:B\tname\tString\trequired,replaces\t\n" +
		"gcp:a/b:B\tconfig\tObject\toptional,computed\t\n" +
		"gcp:a/b:B\tconfig.rules\tSet\toptional\tname config.on\n" +
		"gcp:a/b:B\tconfig.rules[*].port\tInt\toptional,default=80\t\n" +
		"gcp:a/b:B\tconfig.rules[*].on\tBool\toptional,default=false\t\n" +
		"gcp:a/b:B\tconfig.labels\tMap\toptional\t\n" +
		"gcp:c/d:D\taddress\tString\tcomputed,secret\t\n" +
		"gcp:c/d:D\tempty\tString\toptional,default=\t\n")
	require.NoError(t, err)
	none := []string{}
	assert.Equal(t, map[string][]*Property{
		"gcp:a/b:B": {
			{Name: "name", Kind: String, Required: true, ForceNew: true, Conflict: none},
			{Name: "config", Kind: Object, Computed: true, Conflict: none, Inside: []*Property{
				{Name: "rules", Kind: Set, Conflict: []string{"name", "config.on"}, Inside: []*Property{
					{Name: "port", Kind: Int, Default: 80.0, Conflict: none}, {Name: "on", Kind: Bool, Default: false, Conflict: none},
				}},
				{Name: "labels", Kind: Map, Conflict: none},
			}},
		},
		"gcp:c/d:D": {
			{Name: "address", Kind: String, Output: true, Secret: true, Conflict: none},
			{Name: "empty", Kind: String, Default: "", Conflict: none},
		},
	}, all)
	properties := all["gcp:a/b:B"]
	assert.Equal(t, 80.0, At(properties, "config.rules[*].port").Default)
	assert.Equal(t, "labels", At(properties, "config.labels.any.thing").Name)
	assert.Nil(t, At(properties, "config.none"))
	assert.Nil(t, At(properties, "name.none"))
}

func TestAFileWithAnErrorIsNotRead(t *testing.T) {
	for text, want := range map[string]string{
		"t\tname\tString\toptional\t\nname\n":       "line 2: it does not have five columns",
		"t\tobject.name\tString\toptional\t\n":      `line 1: no property contains "object.name"`,
		"t\tnumber\tInt\toptional,default=many\t\n": "invalid syntax",
		"t\tlist\tList\toptional,default=some\t\n":  "a List cannot have a default",
	} {
		_, err := parse(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestEveryPropertyHasAKnownKindAndKnownFlags(t *testing.T) {
	kinds := []string{Bool, Int, Float, String, List, Set, Map, Object}
	flags := []string{"", "required", "optional", "computed", "replaces", "secret", "default"}
	for line := range strings.Lines(typeRows + functionRows) {
		columns := strings.Split(line, "\t")
		assert.Contains(t, kinds, columns[2], line)
		for flag := range strings.SplitSeq(columns[3], ",") {
			name, _, _ := strings.Cut(flag, "=")
			assert.Contains(t, flags, name, line)
		}
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
		if want.Conflict == nil {
			want.Conflict = []string{}
		}
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
