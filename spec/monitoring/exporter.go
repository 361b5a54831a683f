package monitoring

// The exporter. It is a separate Deployment, not a container in the leader's pod: the
// LeaderWorkerSet controller recreates a whole group when any container of its pods has
// restarted (ContainerRestarted in its pkg/utils/pod, v0.9.0), so a crash of the exporter
// would stop the model server.
const (
	ExporterName    = "sglang-exporter"
	ExporterVersion = "v0.7.0"
	// ExporterImage is the json_exporter project's own image, which the nodes pull. Its
	// version tags do not move. monitoring.image can name a digest or another registry.
	ExporterImage = "quay.io/prometheuscommunity/json-exporter:" + ExporterVersion
	// ExporterProgram is the image's entry point.
	ExporterProgram = "/bin/json_exporter"
	ExporterPort    = 7979
	// ExporterPath asks the server that the parameter ExporterTarget names.
	ExporterPath   = "/probe"
	ExporterTarget = "target"
)
