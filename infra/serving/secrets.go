package serving

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// secretsPath is the folder where secrets are mounted as files. Variables would be
	// visible in every child process and in every dump of the environment.
	secretsPath   = "/run/secrets/sglang"
	secretsVolume = "secrets"

	// tokenPath is the folder where a token of Secret Manager is mounted as a file.
	tokenPath   = "/run/secrets/secret-manager"
	tokenVolume = "token"
	tokenClass  = "hf-token" // the SecretProviderClass

	// secretDriver is the driver of GKE's Secret Manager add-on, and secretProvider its
	// name in a SecretProviderClass.
	secretDriver   = "secrets-store-gke.csi.k8s.io"
	secretProvider = "gke"
)

// TokenSecret is a Hugging Face token in Secret Manager. The node's driver fetches it with
// the pod's identity when the pod starts, and mounts it in memory, so that no object
// contains it.
type TokenSecret struct {
	Version string // projects/PROJECT/secrets/NAME/versions/VERSION
	// Dependencies are the resources that make it readable, such as the permission to read
	// it.
	Dependencies []pulumi.Resource
}

// secretFiles are the variables, volumes and mounts of a container's secrets. Each secret
// is a file whose path is in a variable.
type secretFiles struct {
	env     corev1.EnvVarArray
	volumes corev1.VolumeArray
	mounts  corev1.VolumeMountArray
}

// secrets returns the secrets that the pods of a service account read.
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

// token adds the Hugging Face token as a file. huggingface_hub reads the path from
// HF_TOKEN_PATH.
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

// add mounts a key of a Secret as a file. A container has at most one volume of Secrets.
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

// tokenClassArgs returns the SecretProviderClass, which maps secrets to files.
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
