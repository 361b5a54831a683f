package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"

	"sglang-tpu/emulator/internal/core/cloud"
)

// disksMade records the disks that are created.
type disksMade struct {
	Disks
	names []string
}

func (d *disksMade) CreateDisk(disk cloud.Disk) error {
	d.names = append(d.names, disk.Name)
	return nil
}

func TestAClaimGetsItsDiskWhereItsPodRuns(t *testing.T) {
	class := "hyperdisk"
	reclaim := corev1.PersistentVolumeReclaimDelete
	for name, c := range map[string]struct {
		nodes []string
		disks []string
		node  string
	}{
		"its node is there": {nodes: []string{"host"}, disks: []string{"pvc-uid"}, node: "host"},
		// Otherwise the scheduler waits for the disk, and the pod stays pending.
		"its node has gone, and the claim is scheduled again": {nodes: []string{"other"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			claim := &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "claim", UID: "uid", Annotations: map[string]string{selectedNode: "host"}},
				Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: &class},
			}
			client := fake.NewClientset(claim, &storagev1.StorageClass{
				ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: csiDriver, ReclaimPolicy: &reclaim,
			})
			for _, node := range c.nodes {
				_, err := client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}, metav1.CreateOptions{})
				require.NoError(t, err)
			}
			factory := informers.NewSharedInformerFactory(client, 0)
			factory.Storage().V1().StorageClasses().Informer()
			factory.Start(ctx.Done())
			factory.WaitForCacheSync(ctx.Done())
			disks := &disksMade{}
			d := &driver{access: Access{Client: client, Informers: factory}, disks: disks}

			require.NoError(t, d.provision(ctx, claim))

			assert.Equal(t, c.disks, disks.names)
			after, err := client.CoreV1().PersistentVolumeClaims("ns").Get(ctx, "claim", metav1.GetOptions{})
			require.NoError(t, err)
			assert.Equal(t, c.node, after.Annotations[selectedNode])
		})
	}
}
