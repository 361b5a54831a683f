package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/monitoring"
)

func TestNotificationChannelsNeedTheirFullName(t *testing.T) {
	assert.Empty(t, checkMonitoring(monitoring.Settings{}))
	assert.Empty(t, checkMonitoring(monitoring.Settings{Enabled: true, Channels: []string{"projects/my-project/notificationChannels/1234"}}))
	require.EqualError(t, checkMonitoring(monitoring.Settings{Enabled: true, Channels: []string{"projects/p/notificationChannels/1", "me@example.com"}}),
		`config sglang-tpu:monitoring.channels[1]: "me@example.com" is not a notification channel; `+
			`use projects/P/notificationChannels/ID; to list them: gcloud beta monitoring channels list --format 'value(name)'`)
	require.ErrorContains(t, checkMonitoring(monitoring.Settings{Channels: []string{"projects/p/notificationChannels/1"}}), "monitoring is off")
}
