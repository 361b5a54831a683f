package serving

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

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
