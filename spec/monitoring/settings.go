package monitoring

// Settings say which metrics, dashboard and alerts the endpoint has.
type Settings struct {
	// Whether to create an exporter, a dashboard and alerts.
	Enabled bool `json:"enabled" jsonschema:"default=true"`
	// Notification channels of Cloud Monitoring that alerts go to, each projects/P/notificationChannels/ID. Without
	// any, alerts show in the console alone.
	Channels []string `json:"channels"`
	// Image of json_exporter, to use a digest or your own registry. Empty means the project's own image on
	// quay.io.
	Image string `json:"image" optional:"true"`
}
