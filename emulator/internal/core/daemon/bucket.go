package daemon

import (
	"context"
	"path/filepath"
	"strings"

	"sglang-tpu/emulator/internal/core/kube"
)

// bucketWrite checks whether a pod may write to a path; paths outside of buckets are always
// allowed. It is called for each write, because permissions and quota may change while a
// bucket is mounted.
func (d *daemon) bucketWrite(_ context.Context, ask struct{ Pod, Path string }) (any, error) {
	refusal := ""
	if bucket := d.bucketOf(ask.Path); bucket != "" {
		if err := d.mayWrite(ask.Pod, bucket); err != nil {
			refusal = err.Error()
		} else {
			refusal = d.cloud.TakeFault("bucket", bucket)
		}
	}
	return map[string]string{"refusal": refusal}, nil
}

// bucketOf returns the bucket that contains a path without symbolic links; empty if none does.
func (d *daemon) bucketOf(path string) string {
	buckets, err := filepath.EvalSymlinks(d.layout.Buckets())
	if err != nil {
		return "" // no bucket was ever created
	}
	rest, ok := strings.CutPrefix(path, buckets+"/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func (d *daemon) mayWrite(podName, bucket string) error {
	cluster, namespace, name := split(podName)
	access, err := d.manager.Access(cluster)
	if err != nil {
		return nil //nolint:nilerr // the cluster and its pods are being deleted
	}
	pod, err := access.Informers.Core().V1().Pods().Lister().Pods(namespace).Get(name)
	if err != nil {
		return err
	}
	return d.cloud.BucketAccess(access.Project, bucket, namespace, kube.ServiceAccount(pod), true)
}
