package settings

import (
	"errors"
	"fmt"
	"regexp"
)

// Monitoring is what of metrics, dashboard and alerts there is.
type Monitoring struct {
	Enabled bool `json:"enabled"`
	// Channels are notification channels of Cloud Monitoring that alerts go to; none: alerts
	// show in the console alone.
	Channels []string `json:"channels"`
	Image    string   `json:"image"` // of json_exporter; empty: the one that its makers publish
}

const monitoringKey = "sglang-tpu:monitoring"

var channelName = regexp.MustCompile(`^projects/[^/]+/notificationChannels/[^/]+$`)

func checkMonitoring(m Monitoring) error {
	var errs []error
	for i, channel := range m.Channels {
		if !channelName.MatchString(channel) {
			errs = append(errs, invalid(fmt.Sprintf("%s.channels[%d]", monitoringKey, i), channel, "is not a notification channel",
				"use projects/P/notificationChannels/ID; to list them: gcloud beta monitoring channels list --format 'value(name)'"))
		}
	}
	if !m.Enabled && len(m.Channels) > 0 {
		errs = append(errs, invalid(monitoringKey+".channels", "", "is set, and monitoring is off", "remove it, or run: pulumi config set --path "+monitoringKey+".enabled true"))
	}
	return errors.Join(errs...)
}
