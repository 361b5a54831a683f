package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/proof/page"
	"sglang-tpu/emulator/internal/proof/world"
)

func urn(name string) resource.URN {
	return resource.URN("urn:pulumi:dev::sglang-tpu::gcp:compute/network:Network::" + name)
}

// A network, then a cluster and beside it a bucket, then the pool that waits for the cluster only.
func example() (*run, *apitype.DeploymentV3) {
	r := &run{took: 25 * time.Second, steps: []step{
		{urn("network"), 2 * time.Second, 4 * time.Second},
		{urn("cluster"), 4 * time.Second, 11 * time.Second},
		{urn("bucket"), 4 * time.Second, 5 * time.Second},
		{urn("pool"), 14 * time.Second, 20 * time.Second}, // three seconds after it could
		{resource.URN("urn:pulumi:dev::sglang-tpu::sglang-tpu:infra:Cluster::cluster"), 0, 25 * time.Second},
	}}
	of := func(name string, waits ...resource.URN) apitype.ResourceV3 {
		return apitype.ResourceV3{URN: urn(name), Dependencies: waits}
	}
	return r, &apitype.DeploymentV3{Resources: []apitype.ResourceV3{
		of("network"), of("cluster", urn("network")), of("bucket", urn("network")), of("pool", urn("cluster")),
	}}
}

func TestTheCriticalPathIsTheLongestChainOfWhatWaits(t *testing.T) {
	r, d := example()
	r.follow(world.Waits(d))
	assert.Equal(t, 15*time.Second, r.path, "without the three seconds that nothing asked for")
	var names []string
	for _, s := range r.chain {
		names = append(names, s.urn.Name())
	}
	assert.Equal(t, []string{"network", "cluster", "pool"}, names)
	assert.Equal(t, 16*time.Second, r.sum(), "components are no steps")
	assert.Equal(t, 2*time.Second, r.first())
	assert.Equal(t, 20*time.Second, r.last())
}

func TestDependingOnAComponentWaitsForItsResources(t *testing.T) {
	component := resource.URN("urn:pulumi:dev::sglang-tpu::sglang-tpu:infra:Cluster::c")
	child, other := urn("child"), urn("other")
	waits := world.Waits(&apitype.DeploymentV3{Resources: []apitype.ResourceV3{
		{URN: component}, {URN: child, Custom: true, Parent: component}, {URN: other, Custom: true, Dependencies: []resource.URN{component}},
	}})
	assert.True(t, waits[other][child])
	assert.Equal(t, map[resource.URN]bool{component: true}, waits[child])
}

func TestADestroyWaitsInReverseOrder(t *testing.T) {
	r, d := example()
	reverse := reversed(world.Waits(d))
	assert.True(t, reverse[urn("network")][urn("pool")])
	assert.False(t, reverse[urn("pool")][urn("network")])
	r.follow(reverse)
	assert.Equal(t, 15*time.Second, r.path)
}

func TestTheTableExplainsEveryMissedGoal(t *testing.T) {
	r, d := example()
	f := &figures{empty: time.Second, first: 3 * time.Second, unchanged: 2 * time.Second, start: 2 * time.Second, cycle: cycle{up: r, destroy: r}}
	r.follow(world.Waits(d))
	for _, n := range []int{1, 4, 16, 64} {
		f.slices = append(f.slices, slice{n, "2x2x2", time.Duration(n) * time.Second, int64(n) << 20, int64(n) << 10})
	}
	text := ""
	for _, line := range table(f, f, options{runs: 3, cycles: 3, base: "main"}) {
		text += line + "\n"
	}
	for _, part := range []string{
		"| unchanged preview / preview of an empty program | 2.00 | 2.00 |  |", "| up / critical path | 1.47 | 1.47 | 1.05 |",
		"- up / critical path: ", "| 64 | 2x2x2 | 64.0 s | 64 MiB | 64 KiB |", "| plan's size per group, 64 groups / 4 groups | 1.00 |",
		"In the same run, the up of main took 25.0 s, and its destroy 25.0 s.",
	} {
		assert.Contains(t, text, part)
	}
	assert.NotContains(t, text, "- plan's size")
	assert.Contains(t, plot(f), "#c77700")
}

func TestAPartOfAPageIsReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte("# Page\n\n<!-- x -->\nold\n<!-- end of x -->\n\nrest\n"), 0o600))
	require.NoError(t, page.Replace(file, "x", "new"))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "# Page\n\n<!-- x -->\n\nnew\n\n<!-- end of x -->\n\nrest\n", string(text))
	assert.ErrorContains(t, page.Replace(file, "y", "new"), `has no part "y"`)
}

func TestAPodIsReadyWhenItsConditionBecomesTrueAndStaysSo(t *testing.T) {
	second := 0
	now := func() time.Time { second++; return time.Unix(int64(second), 0) }
	seen := readiness{}
	seen.read(strings.NewReader("a \nb False\na True\na True\nb True\na False\na True\n"), now)
	seen.read(strings.NewReader("a True\nb True\n"), now) // kubectl is run again
	assert.Equal(t, readiness{"b": time.Unix(2, 0), "a": time.Unix(3, 0)}, seen)
	assert.Equal(t, time.Unix(3, 0), seen.last())
}
