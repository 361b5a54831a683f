package serving

import (
	_ "embed"
	"slices"
	"strconv"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

//go:embed download.sh
var downloadBody string

// downloadScript is run by bash. Its arguments are the repositories.
var downloadScript = hubScript + downloadBody

const (
	// DownloadAccount is the Kubernetes service account of the download Job.
	DownloadAccount = "sglang-download"

	// downloadHours is long enough for the largest model at a tenth of the usual speed.
	downloadHours     = 6
	downloadComponent = "download"
	downloadCPU       = "2"
	downloadGiB       = "8Gi"
	// downloadScratchGiB is for files that the Hub's program writes outside of the bucket.
	downloadScratchGiB = 1
)

// newDownload registers the Job that fills the bucket, once for each model and revision, so
// that hosts read from the bucket and not from the Hub.
func newDownload(ctx *pulumi.Context, name string, args *Args, before []pulumi.Resource, inside pulumi.ResourceOption) (*batchv1.Job, error) {
	account, err := corev1.NewServiceAccount(ctx, name+"-download-account", &corev1.ServiceAccountArgs{
		Metadata:                     meta(args, DownloadAccount),
		AutomountServiceAccountToken: pulumi.Bool(false),
	}, inside, pulumi.DependsOn(before))
	if err != nil {
		return nil, err
	}
	return batchv1.NewJob(ctx, name+"-download", downloadArgs(args), inside,
		// Every new model replaces it, which protection would prevent.
		pulumi.Protect(false),
		pulumi.DependsOn(slices.Concat([]pulumi.Resource{account}, before, args.Storage.Bucket.Dependencies, args.ImageDependencies)),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: strconv.Itoa(downloadHours) + "h"}))
}

func downloadArgs(args *Args) *batchv1.JobArgs {
	metadata := meta(args, args.downloadName())
	secrets := args.secrets(DownloadAccount)
	metadata.Annotations = pulumi.StringMap{replaceUnreadyAnnotation: pulumi.String("true")}
	return &batchv1.JobArgs{
		Metadata: metadata,
		Spec: &batchv1.JobSpecArgs{
			// The script retries by itself; further pods are needed if the bucket's policy has
			// not reached the first one yet. Apart from the deadline, the provider only
			// recognizes the failure that the limit is reached: for a Job that failed by its
			// podFailurePolicy, it would wait until the timeout.
			BackoffLimit:          pulumi.Int(2),
			ActiveDeadlineSeconds: pulumi.Int(downloadHours * 3600),
			PodFailurePolicy: &batchv1.PodFailurePolicyArgs{Rules: batchv1.PodFailurePolicyRuleArray{&batchv1.PodFailurePolicyRuleArgs{
				// Do not count a pod that is evicted or whose node is deleted as failed.
				Action: pulumi.String("Ignore"),
				OnPodConditions: batchv1.PodFailurePolicyOnPodConditionsPatternArray{&batchv1.PodFailurePolicyOnPodConditionsPatternArgs{
					Type: pulumi.String("DisruptionTarget"), Status: pulumi.String("True"),
				}},
			}}},
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: &metav1.ObjectMetaArgs{Labels: labels(args, downloadComponent), Annotations: args.Storage.annotations()},
				Spec: &corev1.PodSpecArgs{
					ServiceAccountName:            pulumi.String(DownloadAccount),
					AutomountServiceAccountToken:  pulumi.Bool(false),
					EnableServiceLinks:            pulumi.Bool(false),
					RestartPolicy:                 pulumi.String("Never"),
					TerminationGracePeriodSeconds: pulumi.Int(5), // it resumes an interrupted download
					SecurityContext: &corev1.PodSecurityContextArgs{
						SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
					},
					Containers: corev1.ContainerArray{&corev1.ContainerArgs{
						Name:    pulumi.String("download"),
						Image:   pulumi.String(args.Image),
						Command: pulumi.ToStringArray([]string{"bash", "-c", downloadScript, "download"}),
						Args:    pulumi.ToStringArray(args.repositories()),
						Env:     append(downloadEnvironment(args), secrets.env...),
						Resources: &corev1.ResourceRequirementsArgs{
							Requests: pulumi.StringMap{
								"cpu": pulumi.String(downloadCPU), "memory": pulumi.String(downloadGiB),
								"ephemeral-storage": pulumi.String(strconv.Itoa(downloadScratchGiB) + "Gi"),
							},
							Limits: pulumi.StringMap{
								"cpu": pulumi.String("8"), "memory": pulumi.String(downloadGiB),
								"ephemeral-storage": pulumi.String(strconv.Itoa(2*downloadScratchGiB) + "Gi"),
							},
						},
						SecurityContext: containerSecurity(),
						// pulumi up then reports why a download failed.
						TerminationMessagePolicy: pulumi.String("FallbackToLogsOnError"),
						VolumeMounts: append(corev1.VolumeMountArray{
							&corev1.VolumeMountArgs{Name: pulumi.String(cacheVolume), MountPath: pulumi.String(cachePath)},
							scratchMount(),
						}, secrets.mounts...),
					}},
					Volumes: append(corev1.VolumeArray{
						// If the driver's check of the bucket's policy failed, there would only be an
						// event of the pod, which would never start. The script checks the policy
						// instead, and can say what is wrong.
						args.Storage.Bucket.volume(pulumi.StringMap{"skipCSIBucketAccessCheck": pulumi.String("true")}),
						scratch(downloadScratchGiB),
					}, secrets.volumes...),
				},
			},
		},
	}
}

func downloadEnvironment(args *Args) corev1.EnvVarArray {
	env := corev1.EnvVarArray{
		variable("HF_HOME", hubCache),
		variable("BUCKET", args.Storage.Bucket.Name),
		variable("ACCOUNT", args.Namespace+"/"+DownloadAccount),
		variable("WEIGHTS_GIB", strconv.Itoa(args.WeightsGiB)),
		// The Hub's downloader writes the parts of a file in any order, which Cloud Storage
		// FUSE can only do on a copy of the whole file.
		variable("HF_HUB_DISABLE_XET", "1"),
	}
	return append(env, scratchEnvironment()...)
}
