package image

import (
	"maps"
	"slices"
	"strings"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/serverimage"
)

const (
	dockerConfig = "/home/user/.docker"
	// state is the rootless builder's data folder. Container-Optimized OS cannot stack
	// overlayfs on the container's own root, so it must be a volume.
	state = "/home/user/.local/share/buildkit"
	// stateSize is the maximum size of the sources, layers and caches of a build.
	stateSize = "60Gi"
	// minutesAllowed is how long all attempts of a build may take.
	minutesAllowed = 60
	// uid is the user of the rootless image.
	uid = 1000
)

// podLabels are the labels of the Job's pods, and of no other pod in the namespace.
var podLabels = map[string]string{"app.kubernetes.io/name": "image-builder"}

// onFailure copies the end of a container's log to its status, which pulumi up prints.
// Otherwise a failed build would only be reported as "Job has reached the specified backoff
// limit".
var onFailure = pulumi.String("FallbackToLogsOnError")

func jobArgs(args *Args, reference string, namespace pulumi.StringPtrInput) *batchv1.JobArgs {
	labels := pulumi.ToStringMap(podLabels)
	// Docker stores credentials by the registry's host.
	host, folder, _ := strings.Cut(args.Repository, "/")
	manifest := "https://" + host + "/v2/" + folder + "/" + imageName + "/manifests/" + args.Source.Tag()
	return &batchv1.JobArgs{
		Metadata: metav1.ObjectMetaArgs{
			// The name contains the tag, so that changed inputs create a new Job.
			Name:      pulumi.String("build-" + args.Source.Tag()),
			Namespace: namespace,
			Labels:    labels,
			// Without it, the provider would wait for the failed Job and report the same error
			// again.
			Annotations: pulumi.StringMap{"pulumi.com/replaceUnready": pulumi.String("true")},
		},
		Spec: batchv1.JobSpecArgs{
			BackoffLimit:          pulumi.Int(2),
			ActiveDeadlineSeconds: pulumi.Int(minutesAllowed * 60),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels},
				Spec: corev1.PodSpecArgs{
					ServiceAccountName:           pulumi.String(account),
					AutomountServiceAccountToken: pulumi.Bool(false),
					RestartPolicy:                pulumi.String("Never"),
					SecurityContext: corev1.PodSecurityContextArgs{
						FsGroup: pulumi.Int(uid), RunAsNonRoot: pulumi.Bool(true), RunAsUser: pulumi.Int(uid), RunAsGroup: pulumi.Int(uid),
						SeccompProfile: corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
					},
					InitContainers: corev1.ContainerArray{corev1.ContainerArgs{
						Name:    pulumi.String("login"),
						Image:   pulumi.String(builderImage),
						Command: pulumi.ToStringArray([]string{"sh", "-c", loginScript, "login"}),
						Args:    pulumi.ToStringArray([]string{credentialScript}),
						Env: corev1.EnvVarArray{
							env("REGISTRY", host),
							env("DOCKER_CONFIG", dockerConfig),
						},
						VolumeMounts: corev1.VolumeMountArray{mount("docker-config", dockerConfig)},
						SecurityContext: corev1.SecurityContextArgs{
							RunAsUser: pulumi.Int(uid), RunAsGroup: pulumi.Int(uid),
							ReadOnlyRootFilesystem:   pulumi.Bool(true),
							AllowPrivilegeEscalation: pulumi.Bool(false),
							Capabilities:             corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
						},
						Resources:                resources("100m", "64Mi", "1", "16Mi", "64Mi"),
						TerminationMessagePolicy: onFailure,
					}},
					Containers: corev1.ContainerArray{corev1.ContainerArgs{
						Name:    pulumi.String("build"),
						Image:   pulumi.String(builderImage),
						Command: pulumi.ToStringArray([]string{"sh", "-c", buildScript, "build"}),
						Args:    pulumi.ToStringArray(buildArguments(args.Source, reference, args.Layers+"/"+imageName+":layers")),
						Env: corev1.EnvVarArray{
							env("REFERENCE", reference),
							env("MANIFEST", manifest),
							env("DOCKER_CONFIG", dockerConfig),
							env("BUILDKITD_FLAGS", "--oci-worker-no-process-sandbox"),
						},
						VolumeMounts: corev1.VolumeMountArray{mount("docker-config", dockerConfig), mount("state", state)},
						SecurityContext: corev1.SecurityContextArgs{
							RunAsUser: pulumi.Int(uid), RunAsGroup: pulumi.Int(uid),
							// With capabilities dropped or escalation forbidden it fails with
							// "newuidmap: operation not permitted".
							SeccompProfile:  corev1.SeccompProfileArgs{Type: pulumi.String("Unconfined")},
							AppArmorProfile: corev1.AppArmorProfileArgs{Type: pulumi.String("Unconfined")},
						},
						Resources:                resources("2", "8Gi", "8", "20Gi", stateSize),
						TerminationMessagePolicy: onFailure,
					}},
					Volumes: corev1.VolumeArray{
						corev1.VolumeArgs{Name: pulumi.String("docker-config"), EmptyDir: corev1.EmptyDirVolumeSourceArgs{Medium: pulumi.String("Memory")}},
						corev1.VolumeArgs{Name: pulumi.String("state"), EmptyDir: corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(stateSize)}},
					},
				},
			},
		},
	}
}

// buildArguments returns buildctl's options for the source, in a stable order. Layers is
// where builds share layers; a build also works without it.
func buildArguments(s serverimage.Inputs, reference, layers string) []string {
	args := []string{
		"build",
		"--progress", "plain",
		"--frontend", "dockerfile.v0",
		"--opt", "context=" + s.Repository + "#" + s.Commit,
		"--opt", "filename=" + s.Dockerfile,
		"--opt", "platform=" + serverimage.Platform,
	}
	for _, key := range slices.Sorted(maps.Keys(s.BuildArgs)) {
		args = append(args, "--opt", "build-arg:"+key+"="+s.BuildArgs[key])
	}
	return append(args,
		"--import-cache", "type=registry,ref="+layers,
		"--export-cache", "type=registry,ref="+layers+",mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true",
		"--output", "type=image,name="+reference+",push=true")
}

func env(name, value string) corev1.EnvVarArgs {
	return corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.String(value)}
}

func mount(volume, path string) corev1.VolumeMountArgs {
	return corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(path)}
}

// resources requests a share of the CPU and of the boot disk, and allows the maximum while
// nothing else needs it.
func resources(cpu, memory, mostCPU, disk, mostDisk string) corev1.ResourceRequirementsArgs {
	return corev1.ResourceRequirementsArgs{
		Requests: pulumi.StringMap{"cpu": pulumi.String(cpu), "memory": pulumi.String(memory), "ephemeral-storage": pulumi.String(disk)},
		Limits:   pulumi.StringMap{"cpu": pulumi.String(mostCPU), "memory": pulumi.String(memory), "ephemeral-storage": pulumi.String(mostDisk)},
	}
}
