package monitoring

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/monitoring"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	spec "sglang-tpu/spec/monitoring"
)

const (
	scrapeInterval = 30 * time.Second
	// scrapeTimeout is longer than one decode step under load; a dead scheduler never answers.
	scrapeTimeout = 20 * time.Second
	// evaluation is how often an alert is evaluated; Google accepts multiples of 30 s.
	evaluation = 30 * time.Second
	// logPause is the minimum time between two notifications about the same log alert.
	logPause = 30 * time.Minute
	// closeAfter is when an incident of a log alert is closed, because no log entry says
	// that it is over.
	closeAfter = time.Hour
)

// newScrape makes managed collection scrape the exporter for one group. Each group has a
// separate object, because an object may name a port only once (validateDistinctJobNames of
// prometheus-engine), and its name becomes the label job, of `up` too.
func newScrape(ctx *pulumi.Context, name string, args *Args, group int, opts ...pulumi.ResourceOption) error {
	job := spec.Job(args.Endpoint.Set, group)
	// The pod's name in the headless Service that the LeaderWorkerSet controller creates.
	target := fmt.Sprintf("http://%s.%s.%s.svc:%d%s", job, args.Endpoint.Set, args.Endpoint.Namespace, args.Port, spec.InfoPath)
	_, err := apiextensions.NewCustomResource(ctx, name, &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("monitoring.googleapis.com/v1"),
		Kind:       pulumi.String("PodMonitoring"),
		Metadata:   &metav1.ObjectMetaArgs{Name: pulumi.String(job), Namespace: args.Namespace, Labels: pulumi.ToStringMap(podLabels)},
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"selector": pulumi.Map{"matchLabels": pulumi.ToStringMap(podLabels)},
			"endpoints": pulumi.Array{pulumi.Map{
				"port": pulumi.String(portName), "path": pulumi.String(spec.ExporterPath),
				"params":   pulumi.Map{spec.ExporterTarget: pulumi.ToStringArray([]string{target})},
				"interval": duration(scrapeInterval), "timeout": duration(scrapeTimeout),
			}},
		}},
	}, opts...)
	return err
}

func alertArgs(args *Args, a spec.Alert) *monitoring.AlertPolicyArgs {
	condition := monitoring.AlertPolicyConditionArgs{DisplayName: pulumi.String(a.Title)}
	strategy := monitoring.AlertPolicyAlertStrategyArgs{AutoClose: duration(closeAfter)}
	if a.Log != "" {
		condition.ConditionMatchedLog = &monitoring.AlertPolicyConditionConditionMatchedLogArgs{Filter: pulumi.String(a.Log)}
		strategy.NotificationRateLimit = &monitoring.AlertPolicyAlertStrategyNotificationRateLimitArgs{Period: duration(logPause)}
	} else {
		query := &monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs{
			Query:              pulumi.String(a.Query),
			EvaluationInterval: duration(evaluation),
			// Otherwise, Google rejects metrics that have never been written, such as those of a
			// new cluster.
			DisableMetricValidation: pulumi.Bool(true),
		}
		if a.For > 0 {
			query.Duration = duration(a.For)
		}
		condition.ConditionPrometheusQueryLanguage = query
	}
	return &monitoring.AlertPolicyArgs{
		Project:              pulumi.String(args.Project),
		DisplayName:          pulumi.String(args.Endpoint.Name() + ": " + a.Title),
		Combiner:             pulumi.String("OR"), // of one
		Conditions:           monitoring.AlertPolicyConditionArray{condition},
		AlertStrategy:        strategy,
		Severity:             pulumi.String(a.Severity),
		NotificationChannels: pulumi.ToStringArray(args.Channels),
		Documentation: monitoring.AlertPolicyDocumentationArgs{
			Content: pulumi.String(a.Text), MimeType: pulumi.String("text/markdown"),
		},
		UserLabels: pulumi.ToStringMap(args.Labels),
	}
}

// duration formats a duration for both Google and Prometheus.
func duration(d time.Duration) pulumi.String {
	return pulumi.String(fmt.Sprintf("%ds", int(d/time.Second)))
}
