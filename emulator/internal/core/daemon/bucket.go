package daemon

import (
	"context"
	"path/filepath"
	"strings"
)

// bucketWrite answers whether a pod may write a path; outside of buckets it always may.
// It is asked again for each write, as Google is: a binding may go, and a quota end,
// while a bucket is mounted.
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

// bucketOf is the bucket that a path without symbolic links is in; empty if none.
func (d *daemon) bucketOf(path string) string {
	buckets, err := filepath.EvalSymlinks(d.layout.Buckets())
	if err != nil {
		return "" // there was never one
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
	access, ok := d.manager.Access(cluster)
	if !ok {
		return nil // it goes away, and its pods with it
	}
	pod, err := access.Informers.Core().V1().Pods().Lister().Pods(namespace).Get(name)
	if err != nil {
		return err
	}
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	return d.cloud.BucketAccess(access.Project, bucket, namespace, account, true)
}
