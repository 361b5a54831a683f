package monitoring

// The exporter. It is a Deployment of its own, and no container beside the leader: the
// LeaderWorkerSet controller makes a whole group anew when any container of its pods,
// whatever it is for, has restarted (ContainerRestarted in its pkg/utils/pod, v0.9.0), so
// that an exporter's crash would end the model server.
const (
	ExporterName    = "sglang-exporter"
	ExporterVersion = "v0.7.0"
	// ExporterImage is the json_exporter project's own, pulled by the nodes. Its tags of
	// versions do not move; monitoring.image names a digest or another registry.
	ExporterImage = "quay.io/prometheuscommunity/json-exporter:" + ExporterVersion
	// ExporterProgram is the image's entry point.
	ExporterProgram = "/bin/json_exporter"
	ExporterPort    = 7979
	// ExporterPath asks the server that the parameter ExporterTarget names.
	ExporterPath   = "/probe"
	ExporterTarget = "target"
)
