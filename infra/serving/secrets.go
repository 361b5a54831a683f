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

// secrets returns the secrets that the pods of a service account read. huggingface_hub reads
// the path of the token from HF_TOKEN_PATH.
func (a *Args) secrets(account string) secretFiles {
	var s secretFiles
	var sources corev1.VolumeProjectionArray // all keys of Secrets are in one volume
	file := func(name, secret, key string) {
		s.env = append(s.env, variable(name, secretsPath+"/"+key))
		sources = append(sources, &corev1.VolumeProjectionArgs{Secret: &corev1.SecretProjectionArgs{
			Name:  pulumi.String(secret),
			Items: corev1.KeyToPathArray{&corev1.KeyToPathArgs{Key: pulumi.String(key), Path: pulumi.String(key)}},
		}})
	}
	readsToken := account == a.Storage.TokenReader()
	switch {
	case readsToken && a.HFTokenSecret != nil:
		s.env = append(s.env, variable("HF_TOKEN_PATH", tokenPath+"/"+secretKey))
		s.mount(tokenPath, &corev1.VolumeArgs{Name: pulumi.String(tokenVolume), Csi: &corev1.CSIVolumeSourceArgs{
			Driver: pulumi.String(secretDriver), ReadOnly: pulumi.Bool(true),
			VolumeAttributes: pulumi.StringMap{"secretProviderClass": pulumi.String(tokenClass)},
		}})
	case readsToken && a.HFToken != nil:
		file("HF_TOKEN_PATH", secretName, secretKey)
	}
	if account == ServerAccount && a.APIKey != nil {
		file("API_KEY_FILE", APIKeySecret, APIKeyKey)
	}
	if len(sources) > 0 {
		s.mount(secretsPath, &corev1.VolumeArgs{
			Name:      pulumi.String(secretsVolume),
			Projected: &corev1.ProjectedVolumeSourceArgs{DefaultMode: pulumi.Int(0o400), Sources: sources},
		})
	}
	return s
}

func (s *secretFiles) mount(path string, volume *corev1.VolumeArgs) {
	s.volumes = append(s.volumes, volume)
	s.mounts = append(s.mounts, &corev1.VolumeMountArgs{Name: volume.Name, MountPath: pulumi.String(path), ReadOnly: pulumi.Bool(true)})
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
