// Package monitoring registers the exporter of the endpoint's metrics, its alerts and its
// dashboard.
//
// The exporter is a Deployment with one pod on the system node pool. When a collector
// scrapes it, it queries each group's leader. Package monitoring in spec explains why it is
// not a container of the leader's pod, where its image comes from, and what the metrics
// mean. Its failures do not affect the pods of the LeaderWorkerSet.
//
// It is protected like the rest of its stack: a pulumi destroy that fails because of
// protection would still delete unprotected resources.
package monitoring

import (
	"crypto/sha256"
	"fmt"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/monitoring"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/infra/netpolicy"
	spec "sglang-tpu/spec/monitoring"
)

// Args describes the endpoint to monitor.
type Args struct {
	Project   string
	Namespace pulumi.StringOutput // the servers' namespace, which exists and denies all traffic
	Endpoint  spec.Endpoint
	Ranks     int               // data parallel ranks of each group
	Leaders   map[string]string // labels of the groups' leaders
	Port      int               // that they listen on
	Image     string            // image of json_exporter; empty: ExporterImage of spec/monitoring
	APIKey    *Key              // nil if the servers require none
	Channels  []string          // notification channels; none: alerts show only in the console
	Labels    map[string]string // of the alerts
}

// Key is an entry of a Secret in the namespace.
type Key struct{ Secret, Entry string }

// Monitoring is the exporter, the PodMonitorings by which it is scraped, and the alert
// policies and the dashboard in Cloud Monitoring.
type Monitoring struct {
	component.Base

	DashboardID pulumi.StringOutput // as in the dashboard's address
}

// New registers the component. It needs both the gcp and the Kubernetes provider.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Monitoring, error) {
	m := &Monitoring{}
	if err := m.Register(ctx, "sglang-tpu:infra:Monitoring", name, opts...); err != nil {
		return nil, err
	}
	inside := pulumi.Parent(m)
	if err := newExporter(ctx, name, args, inside); err != nil {
		return nil, err
	}
	for group := range args.Endpoint.Groups {
		if err := newScrape(ctx, fmt.Sprintf("%s-group-%d", name, group), args, group, inside); err != nil {
			return nil, err
		}
	}
	for _, alert := range spec.Alerts(args.Endpoint) {
		if _, err := monitoring.NewAlertPolicy(ctx, name+"-alert-"+alert.Name, alertArgs(args, alert), inside); err != nil {
			return nil, err
		}
	}
	dashboard, err := monitoring.NewDashboard(ctx, name+"-dashboard", &monitoring.DashboardArgs{
		Project:       pulumi.String(args.Project),
		DashboardJson: pulumi.String(spec.Dashboard(args.Endpoint.Name(), spec.Panels(args.Endpoint))),
	}, inside)
	if err != nil {
		return nil, err
	}
	m.DashboardID = dashboard.ID().ToStringOutput()
	return m, m.RegisterOutputs(ctx, pulumi.Map{"dashboardId": m.DashboardID})
}

// newExporter registers the Deployment and the objects to which its pod refers.
func newExporter(ctx *pulumi.Context, name string, args *Args, inside pulumi.ResourceOption) error {
	denied, err := netpolicy.Add(ctx, name, args.Namespace.ToStringPtrOutput(), policies(args), inside)
	if err != nil {
		return err
	}
	account, err := corev1.NewServiceAccount(ctx, name+"-account", &corev1.ServiceAccountArgs{
		Metadata:                     meta(args),
		AutomountServiceAccountToken: pulumi.Bool(false), // it only sends requests to the servers
	}, inside)
	if err != nil {
		return err
	}
	keyFile := ""
	if args.APIKey != nil {
		keyFile = apiKeyFile
	}
	config := spec.ExporterConfig(args.Ranks, keyFile)
	file, err := corev1.NewConfigMap(ctx, name+"-config", &corev1.ConfigMapArgs{
		Metadata: meta(args), Data: pulumi.StringMap{configFile: pulumi.String(config)},
	}, inside)
	if err != nil {
		return err
	}
	// The exporter reads the configuration only when it starts, so its hash is in the pod.
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(config)))[:10]
	_, err = newDeployment(ctx, name, args, hash, inside, pulumi.DependsOn(append(denied, account, file)))
	return err
}

// policies let the collectors reach the exporter, and the exporter the leaders.
func policies(args *Args) []netpolicy.Policy {
	leaders, exporter := netpolicy.Peers{netpolicy.Pods(args.Leaders)}, netpolicy.Peers{netpolicy.Pods(podLabels)}
	port := netpolicy.TCP(args.Port)
	return []netpolicy.Policy{
		{
			Name: spec.ExporterName, Pods: podLabels,
			Ingress: netpolicy.Ingress{netpolicy.Collectors(spec.ExporterPort)},
			Egress:  netpolicy.Egress{netpolicy.DNS, netpolicy.To(leaders, port)},
		},
		{Name: spec.ExporterName + "-to-leaders", Pods: args.Leaders, Ingress: netpolicy.Ingress{netpolicy.From(exporter, port)}},
	}
}

func meta(args *Args) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name: pulumi.String(spec.ExporterName), Namespace: args.Namespace, Labels: pulumi.ToStringMap(podLabels),
	}
}
