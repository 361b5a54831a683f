package kube

import (
	"context"
	"log"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"

	"sglang-tpu/emulator/internal/core/cloud"
)

// csiDriver is GKE's driver for persistent disks.
const csiDriver = "pd.csi.storage.gke.io"

// DiskTypeAttribute is the volume attribute that contains the disk type.
const DiskTypeAttribute = "type"

const selectedNode = "volume.kubernetes.io/selected-node"

// driver is the controller of the persistent disk CSI driver.
type driver struct {
	access Access
	disks  Disks
}

func (d *driver) watch(ctx context.Context) {
	core := d.access.Informers.Core().V1()
	d.access.Informers.Storage().V1().StorageClasses().Informer()
	for informer, handle := range map[cache.SharedIndexInformer]func(any) error{
		core.PersistentVolumeClaims().Informer(): func(obj any) error { return d.provision(ctx, obj.(*corev1.PersistentVolumeClaim)) },
		core.PersistentVolumes().Informer():      func(obj any) error { return d.reclaim(ctx, obj.(*corev1.PersistentVolume)) },
	} {
		// Retry every second until it succeeds.
		try := func(obj any) {
			_ = wait.PollUntilContextCancel(ctx, time.Second, true, func(context.Context) (done bool, err error) {
				if err := handle(obj); err != nil {
					log.Printf("%s: %v", csiDriver, err)
					return false, nil
				}
				return true, nil
			}) // an error means that the cluster ends
		}
		// It fails only if the informer is stopped.
		_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(obj any) { go try(obj) },
			UpdateFunc: func(_, obj any) { go try(obj) },
		})
	}
}

// provision creates the disk of a claim whose pod has been scheduled.
func (d *driver) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.Spec.VolumeName != "" || claim.Spec.StorageClassName == nil || claim.Annotations[selectedNode] == "" {
		return nil
	}
	class, err := d.access.Informers.Storage().V1().StorageClasses().Lister().Get(*claim.Spec.StorageClassName)
	if err != nil {
		return err
	}
	if class.Provisioner != csiDriver {
		return nil
	}
	node, err := d.access.Client.CoreV1().Nodes().Get(ctx, claim.Annotations[selectedNode], metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return d.reschedule(ctx, claim)
	}
	if err != nil {
		return err
	}
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	disk := cloud.Disk{Name: "pvc-" + string(claim.UID), Type: class.Parameters["type"], SizeGiB: (size.Value() + 1<<30 - 1) >> 30}
	if err := d.disks.CreateDisk(disk); err != nil {
		return err
	}
	zone := node.Labels[corev1.LabelTopologyZone]
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: disk.Name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": csiDriver}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: size},
			AccessModes: claim.Spec.AccessModes, StorageClassName: class.Name,
			PersistentVolumeReclaimPolicy: *class.ReclaimPolicy,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: csiDriver, VolumeHandle: "projects/" + d.access.Project + "/zones/" + zone + "/disks/" + disk.Name,
				VolumeAttributes: map[string]string{DiskTypeAttribute: disk.Type},
			}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{zone},
				}},
			}}}},
		},
	}
	_, err = d.access.Client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	return utilerrors.FilterOut(err, apierrors.IsAlreadyExists)
}

// reschedule lets the scheduler choose another node for a claim whose node was deleted.
// Otherwise the scheduler waits ten minutes for the disk. The provisioner of the real driver
// does the same (sig-storage-lib-external-provisioner, ProvisioningReschedule).
func (d *driver) reschedule(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	claim = claim.DeepCopy()
	delete(claim.Annotations, selectedNode)
	_, err := d.access.Client.CoreV1().PersistentVolumeClaims(claim.Namespace).Update(ctx, claim, metav1.UpdateOptions{})
	// After a conflict, the informer delivers the newer version.
	return utilerrors.FilterOut(err, apierrors.IsNotFound, apierrors.IsConflict)
}

// reclaim deletes the disk of a volume whose claim was deleted.
func (d *driver) reclaim(ctx context.Context, volume *corev1.PersistentVolume) error {
	if volume.Status.Phase != corev1.VolumeReleased || volume.Spec.CSI == nil || volume.Spec.CSI.Driver != csiDriver ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	if err := d.disks.DeleteDisk(volume.Name); err != nil {
		return err
	}
	err := d.access.Client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	return utilerrors.FilterOut(err, apierrors.IsNotFound)
}
