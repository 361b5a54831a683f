package process

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommandsEndWithTheirOutputOrTheirError(t *testing.T) {
	out, err := Run(t.Context(), time.Minute, "go", "env", "GOOS")
	require.NoError(t, err)
	assert.NotEmpty(t, out)

	_, err = Run(t.Context(), time.Minute, "go", "no-such-command")
	var failed *Error
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, failed.Error(), "no-such-command")

	_, err = Run(t.Context(), time.Minute, "no-such-program")
	assert.ErrorIs(t, err, exec.ErrNotFound)
}

func TestACommandIsKilledAfterItsTimeout(t *testing.T) {
	began := time.Now()
	_, err := Run(t.Context(), 100*time.Millisecond, "sleep", "60")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "sleep has not ended after 100ms")
	assert.Less(t, time.Since(began), 10*time.Second)
}
