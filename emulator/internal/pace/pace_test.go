package pace

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWaitingTimesAreScaled(t *testing.T) {
	assert.Equal(t, 2*time.Second, Of(10*time.Second))
	assert.Equal(t, 3*Of(time.Minute), Of(3*time.Minute))
}

func TestSleepTakesSecondsAndNothingElse(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
	}{
		{[]string{"0"}, 0},
		{[]string{"0.01", "0.01"}, 0},
		{nil, 1},
		{[]string{"soon"}, 1},
		{[]string{"-1"}, 1},
	} {
		assert.Equal(t, tc.code, Sleep(tc.args), "%v", tc.args)
	}
}
