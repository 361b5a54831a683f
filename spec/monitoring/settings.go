package monitoring

// Settings are what of metrics, dashboard and alerts there is.
type Settings struct {
	// Makes an exporter, a dashboard and alerts.
	Enabled bool `json:"enabled" jsonschema:"default=true"`
	// Notification channels of Cloud Monitoring that alerts go to, each projects/P/notificationChannels/ID. Without
	// any, alerts show in the console alone.
	Channels []string `json:"channels"`
	// Image of json_exporter, for a digest or a registry of yours. Empty is the one of its makers on quay.io.
	Image string `json:"image" optional:"true"`
}
