package kube

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// defaults are the objects that exist in every new GKE cluster.
//
//go:embed defaults.yaml
var defaults []byte

// installDefaults creates the defaults that do not exist yet.
func installDefaults(ctx context.Context, config *rest.Config) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(defaults), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := documents.Decode(object); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
		_, err := client.Resource(resource).Create(ctx, object, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
}
