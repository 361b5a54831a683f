package settings

import (
	"fmt"
	"regexp"
)

const monitoringKey = "sglang-tpu:monitoring"

var channelName = regexp.MustCompile(`^projects/[^/]+/notificationChannels/[^/]+$`)

func (l *loader) checkMonitoring() {
	m := l.Monitoring
	for i, channel := range m.Channels {
		if !channelName.MatchString(channel) {
			l.found.Add(fmt.Sprintf("%s.channels[%d]", monitoringKey, i), channel, "is not a notification channel",
				"use projects/P/notificationChannels/ID; to list them: gcloud beta monitoring channels list --format 'value(name)'")
		}
	}
	if !m.Enabled && len(m.Channels) > 0 {
		l.found.Add(monitoringKey+".channels", "", "is set, but monitoring is off", "remove it, or run: pulumi config set --path "+monitoringKey+".enabled true")
	}
}
