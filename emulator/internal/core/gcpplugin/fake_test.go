package gcpplugin

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/socket/sockettest"
)

type noClusters struct{}

func (noClusters) CreateCluster(context.Context, cloud.ClusterSpec) (string, error) {
	return "127.0.0.1:6443", nil
}
func (noClusters) DeleteCluster(context.Context, string) error       { return nil }
func (noClusters) FailNodes(context.Context, string, []string) error { return nil }

func (noClusters) Drain(context.Context, string, []string) error { return nil }

func (noClusters) ShutDownNodes(context.Context, string, []string, time.Duration) error { return nil }

func (noClusters) SetNodes(context.Context, string, string, []cloud.Node) error { return nil }

// started returns a configured plugin that asks a cloud over a unix socket.
func started(t *testing.T) (*provider, *cloud.Cloud) {
	t.Helper()
	dir := t.TempDir()
	google, err := cloud.Open(filepath.Join(dir, "cloud.json"), 0)
	require.NoError(t, err)
	google.Clusters = noClusters{}
	p := newProvider(sockettest.Serve(t, google.Handler()))
	_, err = p.Configure(context.Background(), &pulumirpc.ConfigureRequest{
		Args: properties(t, map[string]any{"project": "p"}),
	})
	require.NoError(t, err)
	for _, api := range []string{"compute", "container", "iam"} {
		create(t, p, serviceType, map[string]any{"project": "p", "service": api + ".googleapis.com"})
	}
	return p, google
}

func properties(t *testing.T, values map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(values)
	require.NoError(t, err)
	return s
}

func urn(typ string) string { return "urn:pulumi:test::sglang-tpu::" + typ + "::name" }

const (
	networkType = "gcp:compute/network:Network"
	clusterType = "gcp:container/cluster:Cluster"
	poolType    = "gcp:container/nodePool:NodePool"
	memberType  = "gcp:storage/bucketIAMMember:BucketIAMMember"
	accountType = "gcp:serviceaccount/account:Account"
	serviceType = "gcp:projects/service:Service"
)

func clusterInputs(version string) map[string]any {
	return map[string]any{
		"project": "p", "name": "c", "location": "us-central1", "deletionProtection": false, "minMasterVersion": version,
		"controlPlaneEndpointsConfig": map[string]any{"dnsEndpointConfig": map[string]any{"allowExternalTraffic": true}},
	}
}

func create(t *testing.T, p *provider, typ string, inputs map[string]any) *pulumirpc.CreateResponse {
	t.Helper()
	r, err := p.Create(context.Background(), &pulumirpc.CreateRequest{Urn: urn(typ), Properties: properties(t, inputs)})
	require.NoError(t, err)
	return r
}
