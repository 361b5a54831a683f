package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/layout"
)

// Names of the Cloud Storage FUSE CSI driver.
const (
	fuseDriver     = "gcsfuse.csi.storage.gke.io"
	fuseAnnotation = "gke-gcsfuse/volumes"
)

// mountBucket performs the driver's checks in its order, with its errors
// (https://github.com/GoogleCloudPlatform/gcs-fuse-csi-driver/blob/main/docs/troubleshooting.md).
func (p *pod) mountBucket(source *corev1.CSIVolumeSource, at string) error {
	fleet, access := p.machine.members.fleet, p.machine.members.access
	if source.Driver != fuseDriver || !fleet.Cloud.FuseEnabled(access.Name) {
		return fmt.Errorf("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name %s not found in the list of registered CSI drivers", source.Driver)
	}
	name := source.VolumeAttributes["bucketName"]
	if name == "" {
		return status.Errorf(codes.InvalidArgument, "NodePublishVolume VolumeContext %q must be provided for ephemeral storage", "bucketName")
	}
	options, err := fuseOptions(source.VolumeAttributes["mountOptions"])
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	err = fleet.Cloud.BucketAccess(access.Project, name, p.object.Namespace, kube.ServiceAccount(p.object), false)
	unchecked := source.VolumeAttributes["skipCSIBucketAccessCheck"] == "true"
	if err != nil && !unchecked {
		code := codes.Internal
		var refused *cloud.Refusal
		if errors.As(err, &refused) {
			code = refused.Code
		}
		return status.Errorf(code, "failed to get GCS bucket %q: %v", name, err)
	}
	if p.machine.spec.Labels[cloud.MetadataServerLabel] != "true" && !p.object.Spec.HostNetwork {
		return status.Error(codes.FailedPrecondition, "Workload Identity Federation is not enabled on node. Please make sure this is enabled on both cluster and node pool level (https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity)")
	}
	if strings.ToLower(p.object.Annotations[fuseAnnotation]) != "true" {
		return status.Error(codes.FailedPrecondition, "failed to find the sidecar container in Pod spec")
	}
	if err := options.check(); err != nil {
		return err
	}
	if ptr.Deref(source.ReadOnly, false) {
		return errors.New("read-only buckets are not emulated")
	}
	if err != nil {
		// The mount succeeds, and access to it fails with an error of the file system.
		return layout.Link("/proc/self/no-endpoint", at)
	}
	folder := filepath.Join(fleet.Layout.Bucket(name), filepath.Join("/", options["only-dir"]))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return layout.Link(folder, at)
}

// mountOptions maps the names of gcsfuse's mount options to their values. They are flags
// (implicit-dirs, uid=1000) or entries of its configuration file (file-cache:max-size-mb:-1).
type mountOptions map[string]string

func fuseOptions(text string) (mountOptions, error) {
	found := mountOptions{}
	for _, option := range strings.Split(text, ",") {
		option = strings.TrimSpace(option)
		name, value, isFlag := strings.Cut(option, "=")
		switch {
		case option == "":
			continue
		case !isFlag && strings.Contains(option, ":"):
			i := strings.LastIndex(option, ":")
			name, value = option[:i], option[i+1:]
		case name == "read_ahead_kb":
			// The driver handles this option; gcsfuse does not get it.
			n, err := strconv.ParseInt(value, 10, 0)
			if err != nil {
				return nil, fmt.Errorf("failed to prepare mount options: invalid read_ahead_kb mount flag %q: %w", option, err)
			}
			if n < 0 {
				return nil, fmt.Errorf("failed to prepare mount options: invalid negative value for read_ahead_kb mount flag: %q", option)
			}
		}
		found[name] = value
	}
	return found, nil
}

// check returns the error of gcsfuse when the sidecar starts it.
func (o mountOptions) check() error {
	for name, value := range o {
		switch {
		case name == "read_ahead_kb":
		case strings.Contains(name, ":"):
			if !fuseConfig.Has(name) {
				_, key, _ := strings.Cut(name, ":")
				return status.Errorf(codes.Internal, "the sidecar container failed with error: gcsfuse exited with error: exit status 1: Error: error while parsing config: "+
					"decoding failed due to the following error(s):\n\n'%s' has invalid keys: %s", strings.SplitN(name, ":", 2)[0], key)
			}
			if err := o.checkValue(name, value); err != nil {
				return err
			}
		case !fuseFlags.Has(name):
			return status.Errorf(codes.InvalidArgument, "the sidecar container failed with error: Incorrect Usage. flag provided but not defined: -%s", name)
		}
	}
	if size := o["file-cache:max-size-mb"]; o["file-cache:enable-parallel-downloads"] == "true" && (size == "" || size == "0") {
		return status.Error(codes.Internal, "the sidecar container failed with error: gcsfuse exited with error: exit status 1: Error: error while parsing config: "+
			"error parsing parallel download config: file cache should be enabled for parallel download support")
	}
	return nil
}

func (o mountOptions) checkValue(name, value string) error {
	var err error
	switch {
	case fuseNumber.MatchString(name):
		_, err = strconv.ParseInt(value, 10, 64)
	case fuseTruth.MatchString(name):
		_, err = strconv.ParseBool(value)
	}
	if err != nil {
		return status.Errorf(codes.Internal, "the sidecar container failed with error: gcsfuse exited with error: exit status 1: Error: error while parsing config: "+
			"decoding failed due to the following error(s):\n\n'%s' cannot parse value: %v", name, err)
	}
	return nil
}

var (
	fuseNumber = regexp.MustCompile(`-(mb|secs|kb|limit|file|downloads-per-file|max-parallel-downloads|blocks)$`)
	fuseTruth  = regexp.MustCompile(`:(enable-|cache-file-for-range-read|disable-)`)
)

func words(text string) sets.Set[string] { return sets.New(strings.Fields(text)...) }

// The options of gcsfuse v3 that the driver accepts, from gcsfuse's cfg/params.yaml.
var (
	fuseFlags = words(`implicit-dirs only-dir uid gid file-mode dir-mode rename-dir-limit max-conns-per-host max-idle-conns-per-host
 client-protocol limit-bytes-per-sec limit-ops-per-sec sequential-read-size-mb http-client-timeout billing-project custom-endpoint
 stat-cache-ttl type-cache-ttl stat-cache-capacity stat-cache-max-size-mb type-cache-max-size-mb metadata-cache-ttl-secs metadata-cache-negative-ttl-secs
 kernel-list-cache-ttl-secs ignore-interrupts disable-parallel-dirops enable-nonexistent-type-cache enable-empty-managed-folders enable-hns
 file-cache-max-size-mb file-cache-cache-file-for-range-read file-cache-enable-parallel-downloads file-cache-parallel-downloads-per-file
 file-cache-max-parallel-downloads file-cache-download-chunk-size-mb file-cache-enable-crc file-cache-enable-o-direct file-cache-write-buffer-size
 file-cache-include-regex file-cache-exclude-regex
 enable-buffered-read read-block-size-mb read-global-max-blocks read-max-blocks-per-handle enable-streaming-writes write-block-size-mb write-global-max-blocks write-max-blocks-per-file
 enable-atomic-rename-object enable-read-stall-retry max-retry-attempts max-retry-sleep retry-multiplier chunk-transfer-timeout-secs
 anonymous-access log-severity profile machine-type disable-autoconfig enable-metadata-prefetch max-read-ahead-kb congestion-threshold max-background
 debug_fuse debug_gcs debug_fs debug_http debug_mutex debug_invariants debug_fuse_errors`)

	fuseConfig = words(`file-cache:max-size-mb file-cache:cache-file-for-range-read file-cache:enable-parallel-downloads file-cache:parallel-downloads-per-file
 file-cache:max-parallel-downloads file-cache:download-chunk-size-mb file-cache:enable-crc file-cache:enable-o-direct file-cache:write-buffer-size
 file-cache:include-regex file-cache:exclude-regex
 metadata-cache:ttl-secs metadata-cache:negative-ttl-secs metadata-cache:stat-cache-max-size-mb metadata-cache:type-cache-max-size-mb
 metadata-cache:enable-nonexistent-type-cache metadata-cache:enable-metadata-prefetch metadata-cache:metadata-prefetch-entries-limit metadata-cache:metadata-prefetch-max-workers
 metadata-cache:experimental-metadata-prefetch-on-mount
 file-system:uid file-system:gid file-system:file-mode file-system:dir-mode file-system:kernel-list-cache-ttl-secs file-system:rename-dir-limit
 file-system:ignore-interrupts file-system:disable-parallel-dirops file-system:max-read-ahead-kb file-system:max-background file-system:congestion-threshold
 gcs-connection:client-protocol gcs-connection:max-conns-per-host gcs-connection:max-idle-conns-per-host gcs-connection:http-client-timeout
 gcs-connection:limit-bytes-per-sec gcs-connection:limit-ops-per-sec gcs-connection:sequential-read-size-mb gcs-connection:billing-project gcs-connection:custom-endpoint
 gcs-retries:max-retry-attempts gcs-retries:max-retry-sleep gcs-retries:multiplier gcs-retries:chunk-transfer-timeout-secs gcs-retries:read-stall:enable
 gcs-auth:anonymous-access list:enable-empty-managed-folders logging:severity
 read:enable-buffered-read read:block-size-mb read:global-max-blocks read:max-blocks-per-handle
 write:enable-streaming-writes write:block-size-mb write:global-max-blocks write:max-blocks-per-file write:create-empty-file
 disable-metrics-for-gke`)
)
