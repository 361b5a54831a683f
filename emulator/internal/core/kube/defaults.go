package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// csiDriver is GKE's driver for persistent disks.
const csiDriver = "pd.csi.storage.gke.io"

// installDefaults creates the objects that exist in every new GKE cluster.
func installDefaults(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.StorageV1().CSIDrivers().Create(ctx, &storagev1.CSIDriver{
		ObjectMeta: metav1.ObjectMeta{Name: csiDriver},
		Spec:       storagev1.CSIDriverSpec{AttachRequired: ptr.To(true)},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	for _, definition := range []string{secretClasses, podMonitorings, computeClasses} {
		if err := install(ctx, client, definition); err != nil {
			return err
		}
	}
	for name, diskType := range map[string]string{"standard-rwo": "pd-balanced", "premium-rwo": "pd-ssd"} {
		if _, err := client.StorageV1().StorageClasses().Create(ctx, storageClass(name, diskType), metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

func storageClass(name, diskType string) *storagev1.StorageClass {
	class := &storagev1.StorageClass{
		ObjectMeta:           metav1.ObjectMeta{Name: name, Labels: map[string]string{"addonmanager.kubernetes.io/mode": "EnsureExists"}},
		Provisioner:          csiDriver,
		Parameters:           map[string]string{"type": diskType},
		VolumeBindingMode:    ptr.To(storagev1.VolumeBindingWaitForFirstConsumer),
		ReclaimPolicy:        ptr.To(corev1.PersistentVolumeReclaimDelete),
		AllowVolumeExpansion: ptr.To(true),
	}
	if name == "standard-rwo" {
		class.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	}
	return class
}

// secretClasses is the CustomResourceDefinition of GKE's Secret Manager add-on. The emulator
// installs it in every cluster; without the add-on, no driver reads it.
const secretClasses = `{
	"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
	"metadata": {"name": "secretproviderclasses.secrets-store.csi.x-k8s.io"},
	"spec": {
		"group": "secrets-store.csi.x-k8s.io", "scope": "Namespaced",
		"names": {"kind": "SecretProviderClass", "listKind": "SecretProviderClassList", "plural": "secretproviderclasses", "singular": "secretproviderclass"},
		"versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
			"type": "object", "properties": {"spec": {"type": "object", "properties": {
				"provider": {"type": "string"},
				"parameters": {"type": "object", "additionalProperties": {"type": "string"}}
			}}}
		}}}]
	}
}`

func install(ctx context.Context, client kubernetes.Interface, definition string) error {
	_, err := client.Discovery().RESTClient().Post().AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").
		SetHeader("Content-Type", "application/json").Body([]byte(definition)).DoRaw(ctx)
	return utilerrors.FilterOut(err, apierrors.IsAlreadyExists)
}
