package serving

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/storage"
)

const (
	cachePath   = "/cache"
	cacheVolume = "cache-volume"
	hubCache    = cachePath + "/huggingface"

	// fuseAnnotation makes GKE add a container to the pod that mounts buckets.
	fuseAnnotation = "gke-gcsfuse/volumes"
	fuseDriver     = "gcsfuse.csi.storage.gke.io"
	// fuseCacheVolume is the name of the volume that this container uses for its file
	// cache; without one, it uses 5 GiB of the boot disk.
	fuseCacheVolume = "gke-gcsfuse-cache"

	// fileCacheGiBPerChip is the maximum of a host's memory for cached files of the bucket:
	// 236 GiB per chip, minus the server's request, the system and /dev/shm.
	fileCacheGiBPerChip = 52
)

// Storage is where weights and compiled code are kept: in a bucket, which outlives pods and
// which all pods share, or on a separate disk for each pod.
type Storage struct {
	Bucket *Bucket // nil: Disk
	Disk   *storage.Disk
}

// TokenReader returns the Kubernetes service account of the pods that download from the Hub
// and need its token: the download Job's with a bucket, and the server's without one.
func (s Storage) TokenReader() string {
	if s.Bucket != nil {
		return DownloadAccount
	}
	return ServerAccount
}

// Bucket is filled once by a Job, and read by every host.
type Bucket struct {
	Name   string
	Prefix string // folder in the bucket for everything; empty: the whole bucket
	// Dependencies are the resources that make the bucket usable: the bucket itself, and
	// the permission to use it.
	Dependencies []pulumi.Resource
}

// annotations returns the annotations of a pod that uses the storage; nil if there are
// none. By default, GKE gives the container that mounts the bucket low limits, and its file
// cache counts as memory. 0 removes these limits.
func (s Storage) annotations() pulumi.StringMap {
	if s.Bucket == nil {
		return nil
	}
	return pulumi.StringMap{
		fuseAnnotation:                        pulumi.String("true"),
		"gke-gcsfuse/cpu-limit":               pulumi.String("0"),
		"gke-gcsfuse/memory-limit":            pulumi.String("0"),
		"gke-gcsfuse/ephemeral-storage-limit": pulumi.String("0"),
	}
}

// volume returns the volume that is mounted at cachePath, with further attributes of the
// driver and options of the mount.
func (b *Bucket) volume(attributes pulumi.StringMap, options ...string) *corev1.VolumeArgs {
	all := []string{"implicit-dirs"}
	if b.Prefix != "" {
		all = append(all, "only-dir="+b.Prefix)
	}
	attributes["bucketName"] = pulumi.String(b.Name)
	attributes["mountOptions"] = pulumi.String(strings.Join(append(all, options...), ","))
	return &corev1.VolumeArgs{
		Name: pulumi.String(cacheVolume),
		Csi:  &corev1.CSIVolumeSourceArgs{Driver: pulumi.String(fuseDriver), VolumeAttributes: attributes},
	}
}

// diskVolume returns the volume that is mounted at cachePath without a bucket.
func diskVolume(args *Args) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name: pulumi.String(cacheVolume),
		Ephemeral: &corev1.EphemeralVolumeSourceArgs{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplateArgs{
			Spec: &corev1.PersistentVolumeClaimSpecArgs{
				AccessModes:      pulumi.ToStringArray([]string{"ReadWriteOnce"}),
				StorageClassName: pulumi.String(args.storageClassName()),
				Resources: &corev1.VolumeResourceRequirementsArgs{
					Requests: pulumi.StringMap{"storage": pulumi.String(strconv.Itoa(args.Storage.Disk.SizeGiB) + "Gi")},
				},
			},
		}},
	}
}

// serverVolumes returns the storage's volumes for the server. The server reads all weights
// completely, eight files at a time, before it loads them. This pass fills the cache of a
// FUSE mount, and only the load format dummy turns it off (_warmup_safetensors_cache in
// model_loader/loader.py). A model that fits in the file cache is read from the bucket
// once; a larger one is read twice, because its first files have been evicted. The options
// follow the published tuning of Cloud Storage FUSE for model servers: parallel downloads
// into a file cache in memory, and metadata that is cached without expiry.
func serverVolumes(args *Args) corev1.VolumeArray {
	if args.Storage.Bucket == nil {
		return corev1.VolumeArray{diskVolume(args)}
	}
	cacheGiB := fileCacheGiB(args.WeightsGiB, args.Topology.ChipsPerHost())
	return corev1.VolumeArray{
		args.Storage.Bucket.volume(pulumi.StringMap{},
			"metadata-cache:ttl-secs:-1",
			"metadata-cache:stat-cache-max-size-mb:-1",
			"metadata-cache:type-cache-max-size-mb:-1",
			fmt.Sprintf("file-cache:max-size-mb:%d", cacheGiB<<10),
			"file-cache:cache-file-for-range-read:true",
			"file-cache:enable-parallel-downloads:true",
			"read_ahead_kb=1024",
		),
		&corev1.VolumeArgs{
			Name: pulumi.String(fuseCacheVolume),
			EmptyDir: &corev1.EmptyDirVolumeSourceArgs{
				Medium: pulumi.String("Memory"),
				// A file cache releases evicted files with a short delay.
				SizeLimit: pulumi.String(strconv.Itoa(cacheGiB+2) + "Gi"),
			},
		},
	}
}

// fileCacheGiB returns the size of the file cache: enough for the weights and related
// files, if the host has that much memory.
func fileCacheGiB(weightsGiB, chips int) int {
	return min(weightsGiB+weightsGiB/10+2, fileCacheGiBPerChip*chips)
}
