package monitoring

// Settings say which metrics, dashboard and alerts the endpoint has.
type Settings struct {
	// Whether to create an exporter, a dashboard and alerts.
	Enabled bool `json:"enabled" jsonschema:"default=true"`
	// Notification channels of Cloud Monitoring that alerts go to, each projects/P/notificationChannels/ID. Without
	// any, alerts show only in the console.
	Channels []string `json:"channels"`
	// Image of json_exporter. Set it to use a digest or your own registry. Empty means the project's own image on
	// quay.io.
	Image string `json:"image" optional:"true"`
}
