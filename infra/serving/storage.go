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

	// fuseAnnotation makes GKE add the container that mounts buckets to a pod.
	fuseAnnotation = "gke-gcsfuse/volumes"
	fuseDriver     = "gcsfuse.csi.storage.gke.io"
	// fuseCacheVolume is the name under which that container looks for a file cache of
	// the pod's own; without one it has 5 GiB of the boot disk.
	fuseCacheVolume = "gke-gcsfuse-cache"

	// fileCacheGiBPerChip is the most of a host's memory that the bucket's files may take:
	// 236 GiB a chip, less what the server requests, the system and /dev/shm.
	fileCacheGiBPerChip = 52
)

// Storage is where weights and compiled code are kept: in a bucket, which outlives pods
// and is shared by all, or on a disk of each pod's own.
type Storage struct {
	Bucket *Bucket // nil: Disk
	Disk   *storage.Disk
}

// TokenReader is the Kubernetes service account of the pods that fetch from the Hub, and
// need its token: the download Job's with a bucket, and the server's without one.
func (s Storage) TokenReader() string {
	if s.Bucket != nil {
		return DownloadAccount
	}
	return ServerAccount
}

// Bucket is filled once by a Job, and read by every host.
type Bucket struct {
	Name   string
	Prefix string // folder of the bucket that all is in; empty: the whole bucket
	// Dependencies make the bucket usable: the bucket itself, and the right to use it.
	Dependencies []pulumi.Resource
}

// annotations of a pod that uses the storage; nil if there are none. GKE limits the
// container that mounts the bucket to little, and its file cache counts as its memory:
// 0 is no limit of its own.
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

// volume is mounted at cachePath. class is the storage class of a disk.
func (s Storage) volume(class string, options ...string) *corev1.VolumeArgs {
	v := &corev1.VolumeArgs{Name: pulumi.String(cacheVolume)}
	if s.Bucket != nil {
		if s.Bucket.Prefix != "" {
			options = append([]string{"only-dir=" + s.Bucket.Prefix}, options...)
		}
		v.Csi = &corev1.CSIVolumeSourceArgs{
			Driver: pulumi.String(fuseDriver),
			VolumeAttributes: pulumi.StringMap{
				"bucketName":   pulumi.String(s.Bucket.Name),
				"mountOptions": pulumi.String(strings.Join(append([]string{"implicit-dirs"}, options...), ",")),
			},
		}
		return v
	}
	v.Ephemeral = &corev1.EphemeralVolumeSourceArgs{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplateArgs{
		Spec: &corev1.PersistentVolumeClaimSpecArgs{
			AccessModes:      pulumi.ToStringArray([]string{"ReadWriteOnce"}),
			StorageClassName: pulumi.String(class),
			Resources: &corev1.VolumeResourceRequirementsArgs{
				Requests: pulumi.StringMap{"storage": pulumi.String(strconv.Itoa(s.Disk.SizeGiB) + "Gi")},
			},
		},
	}}
	return v
}

// serverVolumes are the storage as the server wants it. It reads all weights from end to
// end, eight files at a time, before it loads them: a pass that is to fill the cache of a
// FUSE mount, and that no argument and no load format but dummy turns off
// (_warmup_safetensors_cache in model_loader/loader.py). What fits the file cache comes from
// the bucket once; a larger model comes twice, because what was read first has been evicted.
// By the published tuning of Cloud Storage FUSE for model servers: parallel downloads into
// a file cache in memory, and metadata that is cached for good.
func serverVolumes(args *Args) corev1.VolumeArray {
	if args.Storage.Bucket == nil {
		return corev1.VolumeArray{args.Storage.volume(args.storageClassName())}
	}
	cacheGiB := fileCacheGiB(args.WeightsGiB, args.Topology.ChipsPerHost())
	return corev1.VolumeArray{
		args.Storage.volume("",
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
				// What a file cache evicts it holds for a moment longer.
				SizeLimit: pulumi.String(strconv.Itoa(cacheGiB+2) + "Gi"),
			},
		},
	}
}

// fileCacheGiB holds the weights and what belongs to them, if the host can spare it.
func fileCacheGiB(weightsGiB, chips int) int {
	return min(weightsGiB+weightsGiB/10+2, fileCacheGiBPerChip*chips)
}
