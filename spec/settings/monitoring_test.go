package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMonitoringIsOnAndTellsNobodyByDefault(t *testing.T) {
	assert.Equal(t, Monitoring{Enabled: true}, defaults().Monitoring)
	require.NoError(t, checkMonitoring(defaults().Monitoring))
	require.NoError(t, checkMonitoring(Monitoring{}))
	require.NoError(t, checkMonitoring(Monitoring{Enabled: true, Channels: []string{"projects/my-project/notificationChannels/1234"}}))
}

func TestAChannelIsNamedInFull(t *testing.T) {
	require.EqualError(t, checkMonitoring(Monitoring{Enabled: true, Channels: []string{"projects/p/notificationChannels/1", "me@example.com"}}),
		`config sglang-tpu:monitoring.channels[1]: "me@example.com" is not a notification channel; `+
			`use projects/P/notificationChannels/ID; to list them: gcloud beta monitoring channels list --format 'value(name)'`)
	require.ErrorContains(t, checkMonitoring(Monitoring{Channels: []string{"projects/p/notificationChannels/1"}}), "monitoring is off")
}
