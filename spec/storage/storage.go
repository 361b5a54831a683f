// Package storage says where weights and compiled code are kept.
package storage

// The modes of Cache.
const (
	GCS        = "gcs"  // a bucket, filled once and read by all hosts
	DiskVolume = "disk" // a volume for each pod
)

// Cache is where weights and compiled code are kept.
type Cache struct {
	// Where weights and compiled code are kept: gcs is a bucket, filled once and read by all hosts; disk is a
	// Hyperdisk Balanced volume for each pod, which is deleted with it.
	Mode string `json:"mode" noun:"a cache mode" jsonschema:"default=gcs,enum=gcs,enum=disk"`
	Disk
	// Name of an existing bucket to use instead of creating one. Only with mode gcs.
	Bucket string `json:"bucket"`
	// Folder in the bucket for weights and compiled code, such as team-a/coder. Only with bucket or layer endpoint.
	// Empty means the stack's name with layer endpoint, and otherwise the whole bucket.
	Prefix string `json:"prefix"`
}

// Disk is a Hyperdisk Balanced volume.
type Disk struct {
	// Size of the volume in GiB. 0 means twice the download, and at least 200. Only with mode disk.
	SizeGiB int `json:"sizeGiB" unit:"GiB" jsonschema:"default=0,minimum=0,maximum=65536"`
	// Operations per second of the volume. The default is 10000. Only with mode disk.
	IOPS int `json:"iops" unit:"operations per second" jsonschema:"minimum=3000,maximum=160000"`
	// Throughput of the volume in MiB per second, at most a quarter of iops. The default is 1200. Only with mode disk.
	ThroughputMiB int `json:"throughputMiB" unit:"MiB per second" jsonschema:"minimum=140,maximum=2400"`
}
