package serving

import (
	"maps"
	"slices"
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/topology"
)

// role is one of the two pod templates of a LeaderWorkerSet.
type role string

const (
	leader role = "leader"
	worker role = "worker"
)

const (
	sharedVolume = "dshm"

	// A chip has 56 vCPU and 236 GiB of its host. The rest is for the system, and memory
	// that is not requested caches the weights' files.
	cpuPerChip       = 40
	memoryGiBPerChip = 160
	// The limit of a server, which includes /dev/shm, leaves enough for the system and the
	// bucket's files.
	maxCPUPerChip       = 52
	maxMemoryGiBPerChip = 176

	// scratchGiB is for files that a server writes outside of its caches.
	scratchGiB = 16

	// safeToEvict prevents GKE's cluster autoscaler from evicting a pod to remove its node
	// (documentation, About cluster autoscaling: scheduling and disruption).
	safeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict"
)

func podTemplate(args *Args, r role) *corev1.PodTemplateSpecArgs {
	podLabels := labels(args, string(r))
	podLabels["role"] = pulumi.String(string(r)) // the tutorial's
	annotations := args.Storage.annotations()
	// GKE rejects a TPU pod without both labels of Slices.nodeSelector.
	selector := args.Slices.nodeSelector(args.Topology)
	tolerations := corev1.TolerationArray{&corev1.TolerationArgs{
		Key: pulumi.String(topology.ResourceName), Operator: pulumi.String("Exists"), Effect: pulumi.String("NoSchedule"),
	}}
	if class := pulumi.String(args.ComputeClass); class != "" {
		selector[capacity.ClassLabel] = class
		tolerations = append(tolerations, &corev1.TolerationArgs{
			Key: pulumi.String(capacity.ClassLabel), Operator: pulumi.String("Equal"), Value: class, Effect: pulumi.String("NoSchedule"),
		})
		others := annotations
		annotations = pulumi.StringMap{safeToEvict: pulumi.String("false")}
		maps.Copy(annotations, others)
	}
	return &corev1.PodTemplateSpecArgs{
		Metadata: &metav1.ObjectMetaArgs{Labels: podLabels, Annotations: annotations},
		Spec: &corev1.PodSpecArgs{
			ServiceAccountName:           pulumi.String(ServerAccount),
			AutomountServiceAccountToken: pulumi.Bool(false),
			// Kubernetes would add SGLANG_* variables for Services of the namespace, and
			// the server reads variables of such names.
			EnableServiceLinks:            pulumi.Bool(false),
			TerminationGracePeriodSeconds: pulumi.Int(graceSeconds),
			NodeSelector:                  selector,
			Affinity:                      args.Slices.affinity(),
			Tolerations:                   tolerations,
			SecurityContext: &corev1.PodSecurityContextArgs{
				SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
			},
			InitContainers: initContainers(args, r),
			Containers:     corev1.ContainerArray{container(args, r)},
			Volumes:        volumes(args),
		},
	}
}

// initContainers returns a worker's init container, which waits for the leader. It has the
// name of the leader's container, so that the tutorial's `kubectl logs -l
// ...name=sglang-tpu-cluster -c sglang-leader` works: kubectl fails for all pods if one has
// no container of that name, `error: container sglang-leader is not valid for pod
// sglang-tpu-cluster-0-1`.
func initContainers(args *Args, r role) corev1.ContainerArray {
	if r == leader {
		return nil
	}
	return corev1.ContainerArray{&corev1.ContainerArgs{
		Name:            pulumi.String("sglang-" + string(leader)),
		Image:           pulumi.String(args.Image),
		Command:         pulumi.ToStringArray([]string{"bash", "-c", awaitScript}),
		SecurityContext: containerSecurity(),
		Resources: &corev1.ResourceRequirementsArgs{
			Requests: pulumi.StringMap{"cpu": pulumi.String("100m"), "memory": pulumi.String("64Mi"), "ephemeral-storage": pulumi.String("16Mi")},
			Limits:   pulumi.StringMap{"cpu": pulumi.String("1"), "memory": pulumi.String("64Mi"), "ephemeral-storage": pulumi.String("64Mi")},
		},
	}}
}

func container(args *Args, r role) *corev1.ContainerArgs {
	chips := args.Topology.ChipsPerHost()
	c := &corev1.ContainerArgs{
		Name:    pulumi.String("sglang-" + string(r)),
		Image:   pulumi.String(args.Image),
		Command: pulumi.ToStringArray([]string{"bash", "-c", launchScript, "launch"}),
		Args:    pulumi.ToStringArray(args.Arguments.Words()),
		Env:     environment(args),
		Ports: corev1.ContainerPortArray{&corev1.ContainerPortArgs{
			Name: pulumi.String("http"), ContainerPort: pulumi.Int(serverargs.Port),
		}},
		Resources: &corev1.ResourceRequirementsArgs{
			Requests: pulumi.StringMap{
				topology.ResourceName: pulumi.String(strconv.Itoa(chips)),
				"cpu":                 pulumi.String(strconv.Itoa(chips * cpuPerChip)),
				"memory":              pulumi.String(strconv.Itoa(chips*memoryGiBPerChip) + "Gi"),
				"ephemeral-storage":   pulumi.String(strconv.Itoa(scratchGiB) + "Gi"),
			},
			Limits: pulumi.StringMap{
				topology.ResourceName: pulumi.String(strconv.Itoa(chips)),
				"cpu":                 pulumi.String(strconv.Itoa(chips * maxCPUPerChip)),
				"memory":              pulumi.String(strconv.Itoa(chips*maxMemoryGiBPerChip) + "Gi"),
				"ephemeral-storage":   pulumi.String(strconv.Itoa(2*scratchGiB) + "Gi"),
			},
		},
		SecurityContext: containerSecurity(),
		// kubectl describe then shows why a server ended.
		TerminationMessagePolicy: pulumi.String("FallbackToLogsOnError"),
		VolumeMounts: append(corev1.VolumeMountArray{
			&corev1.VolumeMountArgs{Name: pulumi.String(sharedVolume), MountPath: pulumi.String("/dev/shm")},
			&corev1.VolumeMountArgs{Name: pulumi.String(cacheVolume), MountPath: pulumi.String(cachePath)},
			scratchMount(),
		}, args.secrets(ServerAccount).mounts...),
	}
	setProbes(c, args, r)
	return c
}

func volumes(args *Args) corev1.VolumeArray {
	return append(append(corev1.VolumeArray{&corev1.VolumeArgs{
		Name: pulumi.String(sharedVolume),
		// It counts as memory, so without a limit it could use all of the host's.
		EmptyDir: &corev1.EmptyDirVolumeSourceArgs{Medium: pulumi.String("Memory"), SizeLimit: pulumi.String("64Gi")},
	}}, serverVolumes(args)...), append(args.secrets(ServerAccount).volumes, scratch(scratchGiB))...)
}

func environment(args *Args) corev1.EnvVarArray {
	env := corev1.EnvVarArray{
		&corev1.EnvVarArgs{Name: pulumi.String("POD_IP"), ValueFrom: &corev1.EnvVarSourceArgs{
			FieldRef: &corev1.ObjectFieldSelectorArgs{FieldPath: pulumi.String("status.podIP")},
		}},
		variable("RENDEZVOUS_PORT", strconv.Itoa(rendezvousPort)),
		variable("SERVER_PORT", strconv.Itoa(serverargs.Port)),
		variable("HF_HOME", hubCache),
		variable("JAX_COMPILATION_CACHE_DIR", args.compiledCode()),
	}
	if tokenizer := args.tokenizer(); tokenizer != "" {
		env = append(env, variable("TOKENIZER", tokenizer))
	}
	if args.Storage.Bucket != nil {
		// Everything is in the bucket, so the server does not contact the Hub and needs no
		// token.
		env = append(env, variable("HF_HUB_OFFLINE", "1"))
	}
	env = append(append(env, scratchEnvironment()...), args.secrets(ServerAccount).env...)
	for _, name := range slices.Sorted(maps.Keys(args.Environment)) {
		env = append(env, variable(name, args.Environment[name]))
	}
	return env
}

func variable(name, value string) *corev1.EnvVarArgs {
	return &corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.String(value)}
}
