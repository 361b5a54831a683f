package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/monitoring"
	"sglang-tpu/spec/problem"
)

func TestNotificationChannelsNeedTheirFullName(t *testing.T) {
	check := func(m monitoring.Settings) problem.List {
		return problemsIn(Settings{Monitoring: m}, (*loader).checkMonitoring)
	}
	assert.Empty(t, check(monitoring.Settings{}))
	assert.Empty(t, check(monitoring.Settings{Enabled: true, Channels: []string{"projects/my-project/notificationChannels/1234"}}))
	require.EqualError(t, check(monitoring.Settings{Enabled: true, Channels: []string{"projects/p/notificationChannels/1", "me@example.com"}}),
		`config sglang-tpu:monitoring.channels[1]: "me@example.com" is not a notification channel; `+
			`use projects/P/notificationChannels/ID; to list them: gcloud beta monitoring channels list --format 'value(name)'`)
	require.ErrorContains(t, check(monitoring.Settings{Channels: []string{"projects/p/notificationChannels/1"}}), "monitoring is off")
}
