package serving

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// secretsPath is where secrets are files: variables would be in every child process
	// and in every dump of the environment.
	secretsPath   = "/run/secrets/sglang"
	secretsVolume = "secrets"

	// tokenPath is where a token of Secret Manager is a file.
	tokenPath   = "/run/secrets/secret-manager"
	tokenVolume = "token"
	tokenClass  = "hf-token" // the SecretProviderClass

	// secretDriver is GKE's Secret Manager add-on, and secretProvider what it calls itself.
	secretDriver   = "secrets-store-gke.csi.k8s.io"
	secretProvider = "gke"
)

// TokenSecret is a Hugging Face token in Secret Manager. The node's driver fetches it with
// the pod's identity when the pod starts, and mounts it in memory: no object holds it.
type TokenSecret struct {
	Version string // projects/PROJECT/secrets/NAME/versions/VERSION
	// Dependencies make it readable, such as the right to read it.
	Dependencies []pulumi.Resource
}

// secretFiles are the variables, volumes and mounts of a container's secrets, each a file
// that a variable names.
type secretFiles struct {
	env     corev1.EnvVarArray
	volumes corev1.VolumeArray
	mounts  corev1.VolumeMountArray
}

// secrets are those that the pods of a service account read.
func (a *Args) secrets(account string) secretFiles {
	var s secretFiles
	if account == a.Storage.TokenReader() {
		s.token(a)
	}
	if account == ServerAccount && a.APIKey != nil {
		s.add("API_KEY_FILE", APIKeySecret, APIKeyKey)
	}
	return s
}

// token is read from a file that HF_TOKEN_PATH names by huggingface_hub itself.
func (s *secretFiles) token(a *Args) {
	switch {
	case a.HFTokenSecret != nil:
		s.env = append(s.env, variable("HF_TOKEN_PATH", tokenPath+"/"+secretKey))
		s.volumes = append(s.volumes, &corev1.VolumeArgs{Name: pulumi.String(tokenVolume), Csi: &corev1.CSIVolumeSourceArgs{
			Driver: pulumi.String(secretDriver), ReadOnly: pulumi.Bool(true),
			VolumeAttributes: pulumi.StringMap{"secretProviderClass": pulumi.String(tokenClass)},
		}})
		s.mounts = append(s.mounts, &corev1.VolumeMountArgs{
			Name: pulumi.String(tokenVolume), MountPath: pulumi.String(tokenPath), ReadOnly: pulumi.Bool(true),
		})
	case a.HFToken != nil:
		s.add("HF_TOKEN_PATH", secretName, secretKey)
	}
}

// add makes a key of a Secret a file. A container has one volume of them at most.
func (s *secretFiles) add(name, secret, key string) {
	s.env = append(s.env, variable(name, secretsPath+"/"+key))
	source := &corev1.VolumeProjectionArgs{Secret: &corev1.SecretProjectionArgs{
		Name:  pulumi.String(secret),
		Items: corev1.KeyToPathArray{&corev1.KeyToPathArgs{Key: pulumi.String(key), Path: pulumi.String(key)}},
	}}
	for _, v := range s.volumes {
		if volume := v.(*corev1.VolumeArgs); volume.Name == pulumi.String(secretsVolume) {
			projected := volume.Projected.(*corev1.ProjectedVolumeSourceArgs)
			projected.Sources = append(projected.Sources.(corev1.VolumeProjectionArray), source)
			return
		}
	}
	s.volumes = append(s.volumes, &corev1.VolumeArgs{
		Name:      pulumi.String(secretsVolume),
		Projected: &corev1.ProjectedVolumeSourceArgs{DefaultMode: pulumi.Int(0o400), Sources: corev1.VolumeProjectionArray{source}},
	})
	s.mounts = append(s.mounts, &corev1.VolumeMountArgs{
		Name: pulumi.String(secretsVolume), MountPath: pulumi.String(secretsPath), ReadOnly: pulumi.Bool(true),
	})
}

// tokenClassArgs tells GKE's driver which secret is which file.
func tokenClassArgs(args *Args) *apiextensions.CustomResourceArgs {
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("secrets-store.csi.x-k8s.io/v1"),
		Kind:       pulumi.String("SecretProviderClass"),
		Metadata:   meta(args, tokenClass),
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"provider": pulumi.String(secretProvider),
			"parameters": pulumi.Map{
				"secrets": pulumi.String(fmt.Sprintf("- resourceName: %q\n  path: %q\n", args.HFTokenSecret.Version, secretKey)),
			},
		}},
	}
}
