package monitoring

import (
	"cmp"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	spec "sglang-tpu/spec/monitoring"
)

const (
	// The exporter reads configFile from its working directory, which also contains the API
	// key.
	configFolder = "/etc/json-exporter"
	configFile   = "config.yml"
	apiKeyFile   = "api-key"
	configVolume = "config"

	portName = "metrics"
	// nobody is the user of the image.
	nobody = 65534
)

// podLabels are the labels of the exporter's pod, and of no other pod in the namespace.
var podLabels = map[string]string{"app.kubernetes.io/name": spec.ExporterName, "app.kubernetes.io/part-of": "sglang-tpu"}

func newDeployment(ctx *pulumi.Context, name string, args *Args, configHash string, opts ...pulumi.ResourceOption) (*appsv1.Deployment, error) {
	return appsv1.NewDeployment(ctx, name+"-exporter", &appsv1.DeploymentArgs{
		Metadata: meta(args),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(1),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: pulumi.ToStringMap(podLabels)},
			// Two pods at a time would report each group twice.
			Strategy: &appsv1.DeploymentStrategyArgs{Type: pulumi.String("Recreate")},
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: &metav1.ObjectMetaArgs{
					Labels:      pulumi.ToStringMap(podLabels),
					Annotations: pulumi.StringMap{"sglang-tpu/config": pulumi.String(configHash)},
				},
				Spec: &corev1.PodSpecArgs{
					ServiceAccountName:           pulumi.String(spec.ExporterName),
					AutomountServiceAccountToken: pulumi.Bool(false),
					EnableServiceLinks:           pulumi.Bool(false),
					SecurityContext: &corev1.PodSecurityContextArgs{
						RunAsNonRoot: pulumi.Bool(true), RunAsUser: pulumi.Int(nobody), RunAsGroup: pulumi.Int(nobody), FsGroup: pulumi.Int(nobody),
						SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
					},
					Containers: corev1.ContainerArray{exporterContainer(args)},
					Volumes:    corev1.VolumeArray{configSources(args)},
				},
			},
		},
	}, opts...)
}

func exporterContainer(args *Args) *corev1.ContainerArgs {
	probe := func(period, failures int) *corev1.ProbeArgs {
		return &corev1.ProbeArgs{
			HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String("/metrics"), Port: pulumi.String(portName)},
			PeriodSeconds:    pulumi.Int(period),
			FailureThreshold: pulumi.Int(failures),
		}
	}
	return &corev1.ContainerArgs{
		Name:       pulumi.String("exporter"),
		Image:      pulumi.String(cmp.Or(args.Image, spec.ExporterImage)),
		Command:    pulumi.ToStringArray([]string{spec.ExporterProgram}),
		WorkingDir: pulumi.String(configFolder),
		Ports: corev1.ContainerPortArray{&corev1.ContainerPortArgs{
			Name: pulumi.String(portName), ContainerPort: pulumi.Int(spec.ExporterPort),
		}},
		ReadinessProbe: probe(10, 3),
		LivenessProbe:  probe(30, 5),
		Resources: &corev1.ResourceRequirementsArgs{
			Requests: pulumi.StringMap{"cpu": pulumi.String("50m"), "memory": pulumi.String("64Mi"), "ephemeral-storage": pulumi.String("16Mi")},
			Limits:   pulumi.StringMap{"cpu": pulumi.String("500m"), "memory": pulumi.String("128Mi"), "ephemeral-storage": pulumi.String("64Mi")},
		},
		SecurityContext: &corev1.SecurityContextArgs{
			AllowPrivilegeEscalation: pulumi.Bool(false),
			Privileged:               pulumi.Bool(false),
			ReadOnlyRootFilesystem:   pulumi.Bool(true),
			Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
		},
		VolumeMounts: corev1.VolumeMountArray{&corev1.VolumeMountArgs{
			Name: pulumi.String(configVolume), MountPath: pulumi.String(configFolder), ReadOnly: pulumi.Bool(true),
		}},
	}
}

// configSources put the configuration and the API key in one folder.
func configSources(args *Args) *corev1.VolumeArgs {
	sources := corev1.VolumeProjectionArray{&corev1.VolumeProjectionArgs{
		ConfigMap: &corev1.ConfigMapProjectionArgs{Name: pulumi.String(spec.ExporterName)},
	}}
	if args.APIKey != nil {
		sources = append(sources, &corev1.VolumeProjectionArgs{Secret: &corev1.SecretProjectionArgs{
			Name:  pulumi.String(args.APIKey.Secret),
			Items: corev1.KeyToPathArray{&corev1.KeyToPathArgs{Key: pulumi.String(args.APIKey.Entry), Path: pulumi.String(apiKeyFile)}},
		}})
	}
	return &corev1.VolumeArgs{
		Name: pulumi.String(configVolume),
		// The group nobody may read it.
		Projected: &corev1.ProjectedVolumeSourceArgs{DefaultMode: pulumi.Int(0o440), Sources: sources},
	}
}
