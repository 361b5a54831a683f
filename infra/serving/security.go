package serving

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/netpolicy"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/serverargs"
)

const (
	scratchPath   = "/tmp"
	scratchVolume = "tmp"

	// ClientLabel is the label of namespaces whose pods may use the server. kubectl
	// port-forward does not need it, because it connects inside the pod.
	ClientLabel = "sglang-tpu/client"
)

// groupPorts are the ports on which the pods of a group communicate: the rendezvous, the
// two ports that sglang-jax derives from it, and libtpu's ports: 8476, which the
// LeaderWorkerSet controller sets in TPU_PROCESS_PORT, and its default 8471.
var groupPorts = []int{rendezvousPort, rendezvousPort + 5, rendezvousPort + 6, 8471, 8476}

// containerSecurity removes all privileges that the server does not need. The server runs
// as root, because the device files of TPUs belong to root.
func containerSecurity() *corev1.SecurityContextArgs {
	return &corev1.SecurityContextArgs{
		AllowPrivilegeEscalation: pulumi.Bool(false),
		Privileged:               pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
	}
}

// scratch returns the volume of the only writable folder apart from caches: for libtpu's
// lock and logs, sockets, and files that Python's libraries compile and cache. sizeGiB
// counts against the node's boot disk.
func scratch(sizeGiB int) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:     pulumi.String(scratchVolume),
		EmptyDir: &corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(strconv.Itoa(sizeGiB) + "Gi")},
	}
}

func scratchMount() *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{Name: pulumi.String(scratchVolume), MountPath: pulumi.String(scratchPath)}
}

// scratchEnvironment redirects to this folder what would write into the image. Numba cannot
// load a module with a cache, such as librosa, if it finds no writable folder: `cannot
// cache function: no locator available`.
func scratchEnvironment() corev1.EnvVarArray {
	return corev1.EnvVarArray{
		variable("HOME", scratchPath),
		variable("XDG_CACHE_HOME", scratchPath+"/.cache"),
		variable("MPLCONFIGDIR", scratchPath+"/.cache/matplotlib"),
		variable("NUMBA_CACHE_DIR", scratchPath+"/.cache/numba"),
		variable("PYTHONDONTWRITEBYTECODE", "1"),
		// The code of a model that contains Python code is copied there, by all hosts at
		// once.
		variable("HF_MODULES_CACHE", scratchPath+"/.cache/huggingface/modules"),
	}
}

// policies returns the NetworkPolicies of the namespace. All other traffic is denied.
func policies(args *Args) []netpolicy.Policy {
	set := map[string]string{names.SetLabel: args.Name}
	group := netpolicy.Peers{netpolicy.Pods(set)}
	clients := netpolicy.Peers{netpolicy.PodsIn(map[string]string{ClientLabel: "true"}, nil)}
	// Weights and compiled code come from a bucket, for which a container in the pod needs
	// a token, or from the Hub.
	outside := append(netpolicy.Egress{netpolicy.DNS, netpolicy.Web}, netpolicy.Metadata...)
	all := []netpolicy.Policy{
		{
			Name: "group", Pods: set,
			Ingress: netpolicy.Ingress{netpolicy.From(group, netpolicy.TCP(groupPorts...))},
			Egress:  append(netpolicy.Egress{netpolicy.To(group, netpolicy.TCP(groupPorts...))}, outside...),
		},
		{Name: "clients", Pods: LeaderLabels(args.Name), Ingress: netpolicy.Ingress{netpolicy.From(clients, netpolicy.TCP(serverargs.Port))}},
	}
	if args.Storage.Bucket != nil {
		all = append(all, netpolicy.Policy{Name: "download", Pods: map[string]string{componentLabel: downloadComponent}, Egress: outside})
	}
	return all
}
