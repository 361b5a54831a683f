package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/layout"
)

// fakeBuckets has the bucket "cache", to which the service account ns/server has access.
type fakeBuckets struct {
	Cloud
	noDriver bool
}

func (f fakeBuckets) FuseEnabled(string) bool { return !f.noDriver }

func (fakeBuckets) BucketAccess(project, bucket, namespace, account string, _ bool) error {
	switch {
	case bucket != "cache":
		return &cloud.Refusal{Code: codes.NotFound, Text: "storage: bucket doesn't exist"}
	case project+"/"+namespace+"/"+account != "p/ns/server":
		return &cloud.Refusal{Code: codes.PermissionDenied, Text: "googleapi: Error 403: Caller does not have storage.objects.list access"}
	}
	return nil
}

// fusePod mounts the bucket in a valid pod that change may modify first.
func fusePod(t *testing.T, buckets fakeBuckets, change func(*pod, map[string]string)) (at string, l layout.Layout, err error) {
	t.Helper()
	l = layout.Layout{Root: t.TempDir()}
	p := &pod{
		dir: l.Pod("uid"),
		object: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Annotations: map[string]string{"gke-gcsfuse/volumes": "true"}},
			Spec:       corev1.PodSpec{ServiceAccountName: "server"},
		},
		machine: &machine{
			spec:    cloud.Node{Labels: map[string]string{cloud.MetadataServerLabel: "true"}},
			members: &members{fleet: &Fleet{Layout: l, Cloud: buckets}, access: kube.Access{Name: "c", Project: "p"}},
		},
	}
	attributes := map[string]string{"bucketName": "cache", "mountOptions": "implicit-dirs,file-cache:max-size-mb:-1,file-cache:enable-parallel-downloads:true,metadata-cache:ttl-secs:-1,read_ahead_kb=1024"}
	if change != nil {
		change(p, attributes)
	}
	at = p.volume("cache-volume")
	err = p.mountVolume(corev1.Volume{Name: "cache-volume", VolumeSource: corev1.VolumeSource{
		CSI: &corev1.CSIVolumeSource{Driver: fuseDriver, VolumeAttributes: attributes},
	}})
	return at, l, err
}

func TestAMountedBucketIsItsFolder(t *testing.T) {
	for options, folder := range map[string]string{"": "", "only-dir=jax": "jax", "only-dir=../../x": "x"} {
		at, l, err := fusePod(t, fakeBuckets{}, func(_ *pod, a map[string]string) { a["mountOptions"] += "," + options })
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(at, "object"), nil, 0o600))
		assert.FileExists(t, filepath.Join(l.Bucket("cache"), folder, "object"))
	}
}

func TestAFailedBucketMountHasTheDriversError(t *testing.T) {
	with := func(options string) func(*pod, map[string]string) {
		return func(_ *pod, a map[string]string) { a["mountOptions"] = options }
	}
	for name, tc := range map[string]struct {
		buckets fakeBuckets
		change  func(*pod, map[string]string)
		want    string
	}{
		"no add-on": {
			buckets: fakeBuckets{noDriver: true},
			want:    "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name gcsfuse.csi.storage.gke.io not found in the list of registered CSI drivers",
		},
		"no bucket": {
			change: func(_ *pod, a map[string]string) { a["bucketName"] = "other" },
			want:   `rpc error: code = NotFound desc = failed to get GCS bucket "other": storage: bucket doesn't exist`,
		},
		"no name": {
			change: func(_ *pod, a map[string]string) { delete(a, "bucketName") },
			want:   "code = InvalidArgument",
		},
		"no permission": {
			change: func(p *pod, _ map[string]string) { p.object.Spec.ServiceAccountName = "" },
			want:   `rpc error: code = PermissionDenied desc = failed to get GCS bucket "cache": googleapi: Error 403: Caller does not have storage.objects.list access`,
		},
		"no metadata server": {
			change: func(p *pod, _ map[string]string) { p.machine.spec.Labels[cloud.MetadataServerLabel] = "false" },
			want:   "rpc error: code = FailedPrecondition desc = Workload Identity Federation is not enabled on node.",
		},
		"no annotation": {
			change: func(p *pod, _ map[string]string) { p.object.Annotations = nil },
			want:   "rpc error: code = FailedPrecondition desc = failed to find the sidecar container in Pod spec",
		},
		"a flag that does not exist": {
			change: with("implicit-dirs,fast=yes"),
			want:   "rpc error: code = InvalidArgument desc = the sidecar container failed with error: Incorrect Usage. flag provided but not defined: -fast",
		},
		"a setting that does not exist": {change: with("file-cache:size:-1"), want: "'file-cache' has invalid keys: size"},
		"a word for a number":           {change: with("metadata-cache:ttl-secs:long"), want: `'metadata-cache:ttl-secs' cannot parse value`},
		"parallel downloads without a file cache": {
			change: with("file-cache:enable-parallel-downloads:true"),
			want:   "file cache should be enabled for parallel download support",
		},
		"a negative read-ahead": {change: with("read_ahead_kb=-1"), want: `invalid negative value for read_ahead_kb mount flag: "read_ahead_kb=-1"`},
	} {
		t.Run(name, func(t *testing.T) {
			at, _, err := fusePod(t, tc.buckets, tc.change)
			require.ErrorContains(t, err, tc.want)
			assert.NoDirExists(t, at)
		})
	}
}
