package serving

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/netpolicy"
)

const (
	// secretsPath is where secrets are files: variables would be in every child process
	// and in every dump of the environment.
	secretsPath   = "/run/secrets/sglang"
	secretsVolume = "secrets"

	scratchPath   = "/tmp"
	scratchVolume = "tmp"

	// ClientLabel is what a namespace carries whose pods may use the server. kubectl
	// port-forward needs none: it ends inside the pod.
	ClientLabel = "sglang-tpu/client"
)

// groupPorts are what the pods of a group say to each other: the rendezvous with the two
// ports that sglang-jax derives from it, and libtpu's own, 8476 as the LeaderWorkerSet
// controller sets it in TPU_PROCESS_PORT, and 8471, its default.
var groupPorts = []int{rendezvousPort, rendezvousPort + 5, rendezvousPort + 6, 8471, 8476}

// containerSecurity takes everything away that the server does without. It stays root:
// the device files of TPUs are root's.
func containerSecurity() *corev1.SecurityContextArgs {
	return &corev1.SecurityContextArgs{
		AllowPrivilegeEscalation: pulumi.Bool(false),
		Privileged:               pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
	}
}

// scratch is the one folder beside volumes that can be written: libtpu's lock and logs,
// sockets, and what Python's libraries compile and keep. sizeGiB counts against the
// node's boot disk.
func scratch(sizeGiB int) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:     pulumi.String(scratchVolume),
		EmptyDir: &corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(strconv.Itoa(sizeGiB) + "Gi")},
	}
}

func scratchMount() *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{Name: pulumi.String(scratchVolume), MountPath: pulumi.String(scratchPath)}
}

// scratchEnvironment leads there what would write into the image. Numba refuses to load a
// module that caches, as librosa does, if it finds no folder to write to: `cannot cache
// function: no locator available`.
func scratchEnvironment() corev1.EnvVarArray {
	return corev1.EnvVarArray{
		variable("HOME", scratchPath),
		variable("XDG_CACHE_HOME", scratchPath+"/.cache"),
		variable("MPLCONFIGDIR", scratchPath+"/.cache/matplotlib"),
		variable("NUMBA_CACHE_DIR", scratchPath+"/.cache/numba"),
		variable("PYTHONDONTWRITEBYTECODE", "1"),
		// The code of a model that brings its own is copied there, by all hosts at once.
		variable("HF_MODULES_CACHE", scratchPath+"/.cache/huggingface/modules"),
	}
}

// file is a secret's value as a file below secretsPath, named in a variable.
type file struct{ variable, secret, key string }

func tokenFile() file { return file{"HF_TOKEN_PATH", secretName, secretKey} }

func keyFile() file { return file{"API_KEY_FILE", APIKeySecret, APIKeyKey} }

// serverSecrets are those that the server reads. With a bucket it asks nothing of the Hub.
func (a *Args) serverSecrets() []file {
	var files []file
	if a.HFToken != nil && a.Storage.Bucket == nil {
		files = append(files, tokenFile())
	}
	if a.APIKey != nil {
		files = append(files, keyFile())
	}
	return files
}

func (a *Args) downloadSecrets() []file {
	if a.HFToken == nil {
		return nil
	}
	return []file{tokenFile()}
}

// secretFiles are the variables, the volume and the mount for some files; nothing for
// none.
func secretFiles(files ...file) (env corev1.EnvVarArray, volumes corev1.VolumeArray, mounts corev1.VolumeMountArray) {
	if len(files) == 0 {
		return nil, nil, nil
	}
	var sources corev1.VolumeProjectionArray
	for _, f := range files {
		env = append(env, variable(f.variable, secretsPath+"/"+f.key))
		sources = append(sources, &corev1.VolumeProjectionArgs{Secret: &corev1.SecretProjectionArgs{
			Name:  pulumi.String(f.secret),
			Items: corev1.KeyToPathArray{&corev1.KeyToPathArgs{Key: pulumi.String(f.key), Path: pulumi.String(f.key)}},
		}})
	}
	return env,
		corev1.VolumeArray{&corev1.VolumeArgs{
			Name:      pulumi.String(secretsVolume),
			Projected: &corev1.ProjectedVolumeSourceArgs{DefaultMode: pulumi.Int(0o400), Sources: sources},
		}},
		corev1.VolumeMountArray{&corev1.VolumeMountArgs{
			Name: pulumi.String(secretsVolume), MountPath: pulumi.String(secretsPath), ReadOnly: pulumi.Bool(true),
		}}
}

// policies are the NetworkPolicies of the namespace, in which nothing else may talk.
func policies(args *Args) []netpolicy.Policy {
	set := map[string]string{setNameLabel: args.Name}
	leaders := map[string]string{setNameLabel: args.Name, workerIndexLabel: "0"}
	// Weights and compiled code come from a bucket, for which a container in the pod wants
	// a token, or from the Hub.
	outside := append([]netpolicy.Rule{netpolicy.DNS, netpolicy.Web}, netpolicy.Metadata...)
	all := []netpolicy.Policy{
		{
			Name: "group", Pods: set,
			Ingress: []netpolicy.Rule{{Peers: []netpolicy.Peer{{Pods: set}}, Ports: netpolicy.TCP(groupPorts...)}},
			Egress:  append([]netpolicy.Rule{{Peers: []netpolicy.Peer{{Pods: set}}, Ports: netpolicy.TCP(groupPorts...)}}, outside...),
		},
		{
			Name: "clients", Pods: leaders,
			Ingress: []netpolicy.Rule{{Peers: []netpolicy.Peer{{Namespace: map[string]string{ClientLabel: "true"}}}, Ports: netpolicy.TCP(Port)}},
		},
	}
	if args.Storage.Bucket != nil {
		all = append(all, netpolicy.Policy{Name: "download", Pods: map[string]string{componentLabel: downloadComponent}, Egress: outside})
	}
	return all
}
