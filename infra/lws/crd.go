package lws

import (
	_ "embed"
	"errors"
	"io"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"
)

//go:embed definitions.yaml
var definitions string

// newDefinitions registers the CustomResourceDefinitions, each of which is awaited until the
// API server serves it.
func newDefinitions(ctx *pulumi.Context, name string, inside pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var all []pulumi.Resource
	manifests := yaml.NewDecoder(strings.NewReader(definitions))
	for {
		var manifest struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
			Metadata   struct{ Name string }
			Spec       map[string]any
		}
		if err := manifests.Decode(&manifest); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		plural, _, _ := strings.Cut(manifest.Metadata.Name, ".")
		crd, err := apiextensions.NewCustomResource(ctx, name+"-crd-"+plural, &apiextensions.CustomResourceArgs{
			ApiVersion: pulumi.String(manifest.APIVersion),
			Kind:       pulumi.String(manifest.Kind),
			Metadata: &metav1.ObjectMetaArgs{
				Name:        pulumi.String(manifest.Metadata.Name),
				Annotations: pulumi.StringMap{"pulumi.com/waitFor": pulumi.String("condition=Established")},
			},
			OtherFields: kubernetes.UntypedArgs{"spec": manifest.Spec},
		}, inside)
		if err != nil {
			return nil, err
		}
		all = append(all, crd)
	}
}
