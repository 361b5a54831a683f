package serving

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheWorkersLivenessProbeFindsTheSchedulerAndNeverItself(t *testing.T) {
	// A title of the test's own: a real scheduler may be running on this machine.
	title := fmt.Sprintf("sglang::test%d", rand.Uint64())
	probe := strings.Replace(schedulerLives, "sglang::[s]cheduler", strings.Replace(title, "::t", "::[t]", 1), 1)
	require.NotEqual(t, schedulerLives, probe)

	assert.Error(t, exec.Command("sh", "-c", probe).Run(), "there is no such process")

	scheduler := exec.Command("sleep", "60")
	scheduler.Args[0] = title
	require.NoError(t, scheduler.Start())
	t.Cleanup(func() { _, _ = scheduler.Process.Kill(), scheduler.Wait() })
	assert.NoError(t, exec.Command("sh", "-c", probe).Run())
}

// On a host that Google takes back after 15 s, the server is told in time to end by itself;
// a restart that nobody hurries has the usual time.
func TestPodsEndWithinTheNoticeOfTheirHost(t *testing.T) {
	for notice, want := range map[time.Duration]int{0: 10, 15 * time.Second: 5, 25 * time.Second: 8, 2 * time.Minute: 10} {
		assert.Equal(t, want, (&Args{Notice: notice}).preStop(), notice)
	}
	set := serve(t, func(a *Args) { a.Notice = 15 * time.Second }).Get(t, setType, "serving")
	for template, hook := range map[string][]any{
		"leaderTemplate": {"sleep", "5"}, "workerTemplate": {"bash", "-c", outliveScript},
	} {
		assert.InDelta(t, 120, set.Value(templates+template+".spec.terminationGracePeriodSeconds"), 0)
		assert.Equal(t, hook, set.Value(templates+template+".spec.containers[0].lifecycle.preStop.exec.command"), template)
	}
}
