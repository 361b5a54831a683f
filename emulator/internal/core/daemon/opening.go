package daemon

import (
	"context"
	"os"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/layout"
)

// opening stands for the cloud while that is being opened: whoever asks waits.
type opening struct {
	layout layout.Layout
	cloud  *cloud.Cloud
	done   chan struct{}
}

func (o *opening) opened() *cloud.Cloud {
	<-o.done
	return o.cloud
}

// CreateDisk makes a disk.
func (o *opening) CreateDisk(d cloud.Disk) error { return o.opened().CreateDisk(d) }

// DeleteDisk removes a disk and what is on it.
func (o *opening) DeleteDisk(name string) error {
	if err := os.RemoveAll(o.layout.Disk(name)); err != nil {
		return err
	}
	return o.opened().DeleteDisk(name)
}

// RequestNodes is the cluster autoscaler's wish.
func (o *opening) RequestNodes(ctx context.Context, cluster string, selector map[string]string) error {
	return o.opened().RequestNodes(ctx, cluster, selector)
}

// RepositoryAllowed checks an account's roles on a repository.
func (o *opening) RepositoryAllowed(email, path string, push bool) error {
	return o.opened().RepositoryAllowed(email, path, push)
}

// ImmutableTags reports a repository's setting.
func (o *opening) ImmutableTags(project, repository string) bool {
	return o.opened().ImmutableTags(project, repository)
}

// RemoteRepository reports a repository's mode.
func (o *opening) RemoteRepository(project, repository string) bool {
	return o.opened().RemoteRepository(project, repository)
}

// Expired reports whether an access token has ended its life.
func (o *opening) Expired(token string) bool { return o.opened().Expired(token) }

// StreamingAllowed says why a node gets no image by streaming.
func (o *opening) StreamingAllowed(project, email string) error {
	return o.opened().StreamingAllowed(project, email)
}

// FuseEnabled reports whether a cluster has the Cloud Storage FUSE driver.
func (o *opening) FuseEnabled(cluster string) bool { return o.opened().FuseEnabled(cluster) }

// BucketAccess checks a Kubernetes service account's roles on a bucket.
func (o *opening) BucketAccess(project, bucket, namespace, account string, write bool) error {
	return o.opened().BucketAccess(project, bucket, namespace, account, write)
}

// SecretManagerEnabled reports whether a cluster has the Secret Manager add-on.
func (o *opening) SecretManagerEnabled(cluster string) bool {
	return o.opened().SecretManagerEnabled(cluster)
}

// AccessSecret reads a version of a secret for a Kubernetes service account.
func (o *opening) AccessSecret(project, version, namespace, account string) (string, error) {
	return o.opened().AccessSecret(project, version, namespace, account)
}
