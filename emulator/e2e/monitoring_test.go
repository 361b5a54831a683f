package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/tools"
	"sglang-tpu/spec/monitoring"
	"sglang-tpu/spec/topology"
)

// TestMonitoring collects the stack's metrics with Prometheus' code, as its PodMonitorings say,
// and evaluates the queries of its alerts.
func TestMonitoring(t *testing.T) {
	parallel(t, 330)
	w := newWorld(t)
	l := layout.Layout{Root: w.root}
	require.NoError(t, tools.Ensure(context.Background(), l, filepath.Join(w.checkout, "emulator", "tools"), tools.Prometheus, os.Stdout))
	c := &collector{world: w, program: filepath.Join(l.Bin(), tools.Prometheus[0].Name)}
	step := steps(t)
	step("an endpoint that is up has all series, and nothing fires", func(t *testing.T) {
		w.emulator(t, "up", "dev")
		assert.Contains(t, w.shell(t, "dev", "pulumi stack output dashboard"), "https://console.cloud.google.com/monitoring/dashboards/builder/")
		got := c.collect(t)
		assert.Empty(t, got.firing())
		for _, name := range exported() {
			assert.Contains(t, got.values, name)
		}
		assert.Equal(t, []string{"1"}, got.values["up"])
		assert.Equal(t, []string{"0"}, got.values[monitoring.QueueRequests])
		assert.Len(t, got.values[monitoring.FreeTokens], 2, "one for each rank of data parallelism")
	})
	step("with an API key the exporter sends it", func(t *testing.T) {
		w.shell(t, "dev", "pulumi config set --secret apiKey of-the-exporter-1 && pulumi up --yes --skip-preview")
		assert.Equal(t, []string{"1"}, c.collect(t).values["up"])
	})
	step("requests that wait fire their alert, and no other", c.saturate)
	step("an exporter that ends takes no pod of the group with it", func(t *testing.T) {
		const servers = "kubectl get pods -l leaderworkerset.sigs.k8s.io/name -o jsonpath='{.items[*].metadata.uid}'"
		before := w.shell(t, "dev", servers)
		w.shell(t, "dev", "kubectl delete pod -l app.kubernetes.io/name="+monitoring.ExporterName+" --wait && sleep 2 && kubectl rollout status --timeout 2m deployment/"+monitoring.ExporterName)
		assert.Equal(t, before, w.shell(t, "dev", servers))
		assert.Equal(t, []string{"1"}, c.collect(t).values["up"])
	})
	step("a leader that is gone fires its alert, and no other", c.stopLeader)
	step("a worker that is killed again and again fires its alert, and no other", c.killWorker)
	step("without monitoring nothing of it is left", func(t *testing.T) {
		w.shell(t, "dev", "pulumi config set --path sglang-tpu:monitoring.enabled false && pulumi up --yes --skip-preview --refresh")
		assert.NotContains(t, w.shell(t, "dev", "kubectl get deployments,podmonitorings,configmaps,serviceaccounts,networkpolicies -o name"), monitoring.ExporterName)
		assert.NotContains(t, w.shell(t, "dev", "pulumi stack export"), "gcp:monitoring/")
	})
	step("down leaves nothing", w.down)
}

// exported returns the names of the metrics in the exporter's configuration.
func exported() []string {
	var names []string
	for _, match := range regexp.MustCompile(`"name": "([^"]+)"`).FindAllStringSubmatch(monitoring.ExporterConfig(1, ""), -1) {
		names = append(names, match[1])
	}
	return names
}

// collector replaces GKE's managed collection.
type collector struct {
	world   *world
	program string
}

// collected are the results after some scrapes.
type collected struct {
	values  map[string][]string // of the series, by the metric's name
	results map[string][]string // of the alerts' queries
}

// firing returns the alerts whose query has a result.
func (c collected) firing() []string {
	var names []string
	for name, result := range c.results {
		if len(result) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// endpointOf has the fields of a PodMonitoring's endpoint that the stack uses.
type endpointOf struct {
	Port   string              `json:"port"`
	Path   string              `json:"path"`
	Params map[string][]string `json:"params"`
}

type podMonitoring struct {
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Selector  struct{ MatchLabels map[string]string }
		Endpoints []endpointOf
	}
}

// jobs returns the scrape jobs of the stack's PodMonitorings, like GKE's collectors
// (pkg/operator/apis/monitoring/v1 of GoogleCloudPlatform/prometheus-engine), and one for GKE's
// system metrics. stop ends the port-forwards and the server of the system metrics.
func (c *collector) jobs(t *testing.T, interval time.Duration) (config string, targets map[string]any, stop func()) {
	t.Helper()
	var list struct{ Items []podMonitoring }
	require.NoError(t, json.Unmarshal([]byte(c.world.shell(t, "dev", "kubectl get podmonitorings -o json")), &list))
	require.NotEmpty(t, list.Items)
	cluster := strings.TrimSpace(c.world.shell(t, "dev", "pulumi stack output cluster"))
	type job = map[string]any
	var jobs []job
	var stops []func()
	every := interval.String()
	targets = map[string]any{}
	for _, m := range list.Items {
		for _, e := range m.Spec.Endpoints {
			name := "PodMonitoring/" + m.Metadata.Namespace + "/" + m.Metadata.Name + "/" + e.Port
			jobs = append(jobs, job{"job_name": name, "metrics_path": e.Path, "params": e.Params, "scrape_interval": every, "scrape_timeout": every})
			address, end := c.forward(t, m.Spec.Selector.MatchLabels, e.Port)
			stops = append(stops, end)
			targets[name] = []any{map[string]any{"address": address, "labels": map[string]string{
				"job": m.Metadata.Name, "namespace": m.Metadata.Namespace, "cluster": cluster, "instance": monitoring.ExporterName + ":" + e.Port,
			}}}
		}
	}
	// Scrapes return the values that were read last: kubectl is slow while other tests run, and
	// a late scrape would look like a lost slice.
	env := c.world.environ("dev")
	first, err := c.system(t.Context(), env, cluster)
	require.NoError(t, err)
	var last atomic.Pointer[string]
	last.Store(&first)
	reading, end := context.WithCancel(t.Context())
	go func() {
		for reading.Err() == nil {
			if text, err := c.system(reading, env, cluster); err == nil {
				last.Store(&text)
			}
			time.Sleep(interval / 3) // more often than the collector asks
		}
	}()
	system := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, *last.Load())
	}))
	stops = append(stops, system.Close, end)
	jobs = append(jobs, job{"job_name": "gke", "scrape_interval": every, "scrape_timeout": every, "honor_labels": true})
	targets["gke"] = []any{map[string]any{"address": strings.TrimPrefix(system.URL, "http://")}}
	text, err := json.Marshal(map[string]any{"scrape_configs": jobs}) // JSON is YAML
	require.NoError(t, err)
	return string(text), targets, func() {
		for _, end := range stops {
			end()
		}
	}
}

// collect scrapes a few times, at shorter intervals than GKE's collectors.
func (c *collector) collect(t *testing.T) collected {
	t.Helper()
	config, targets, stop := c.jobs(t, 4*time.Second)
	defer stop()
	queries := map[string]string{}
	for _, a := range c.alerts(t) {
		queries[a.Name] = a.Query
	}
	order, err := json.Marshal(map[string]any{"config": config, "targets": targets, "seconds": 16, "queries": queries})
	require.NoError(t, err)
	cmd := c.world.command(context.Background(), c.program)
	var complaints bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(order), &complaints
	text, err := cmd.Output()
	require.NoError(t, err, complaints.String())
	var said struct {
		Series  []string
		Results map[string][]string
	}
	require.NoError(t, json.Unmarshal(text, &said))
	got := collected{values: map[string][]string{}, results: said.Results}
	for _, series := range said.Series {
		if strings.Contains(series, `job="gke"`) {
			continue // a series of Prometheus about the scrape job
		}
		name := regexp.MustCompile(`__name__="([^"]+)"`).FindStringSubmatch(series)[1]
		got.values[name] = append(got.values[name], series[strings.LastIndex(series, " ")+1:])
	}
	return got
}

// alertOf is an alert of the stack with a query.
type alertOf struct {
	Name    string `json:"name"`
	Query   string `json:"query"`
	Seconds int    `json:"seconds"` // how long the query must have a result
}

// alerts returns the stack's alerts from the emulated Cloud Monitoring.
func (c *collector) alerts(t *testing.T) (all []alertOf) {
	t.Helper()
	var state struct {
		Deployment struct {
			Resources []struct {
				URN    string
				Inputs struct {
					Conditions []struct {
						PromQL struct{ Query, Duration string } `json:"conditionPrometheusQueryLanguage"`
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(c.world.shell(t, "dev", "pulumi stack export")), &state))
	var names []string
	for _, r := range state.Deployment.Resources {
		if _, name, ok := strings.Cut(r.URN, "::monitoring-alert-"); ok && r.Inputs.Conditions[0].PromQL.Query != "" {
			condition := r.Inputs.Conditions[0].PromQL
			hold := time.Duration(0)
			if condition.Duration != "" {
				var err error
				hold, err = time.ParseDuration(condition.Duration)
				require.NoError(t, err)
			}
			all = append(all, alertOf{name, condition.Query, int(hold.Seconds())})
			names = append(names, name)
		}
	}
	assert.ElementsMatch(t, []string{"kv-pool", "no-answer", "queue", "restarts", "slice-lost"}, names)
	return all
}

// forward forwards a port of the only pod with the labels to this machine.
func (c *collector) forward(t *testing.T, labels map[string]string, port string) (address string, stop func()) {
	t.Helper()
	var selector []string
	for name, value := range labels {
		selector = append(selector, name+"="+value)
	}
	var pods corev1.PodList
	require.NoError(t, json.Unmarshal([]byte(c.world.shell(t, "dev", "kubectl get pods -o json -l "+strings.Join(selector, ","))), &pods))
	require.Len(t, pods.Items, 1)
	number := int32(0)
	for _, p := range pods.Items[0].Spec.Containers[0].Ports {
		if p.Name == port {
			number = p.ContainerPort
		}
	}
	require.NotZero(t, number, "no port %s", port)
	return c.forwarded(t, fmt.Sprintf("pod/%s", pods.Items[0].Name), int(number))
}

// forwarded runs kubectl port-forward with a free port of this machine.
func (c *collector) forwarded(t *testing.T, to string, port int) (address string, stop func()) {
	t.Helper()
	cmd := c.world.command(context.Background(), "kubectl", "port-forward", to, fmt.Sprintf(":%d", port))
	cmd.Env = c.world.environ("dev")
	said, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	stop = func() {
		_ = cmd.Cancel()
		_ = cmd.Wait()
	}
	buffer := make([]byte, 256)
	n, err := said.Read(buffer)
	if err != nil {
		stop()
		require.NoError(t, err, "kubectl port-forward %s", to)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	found := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(string(buffer[:n]))
	require.NotEmpty(t, found, string(buffer[:n]))
	return found, stop
}

// system returns the GKE system metrics that the alerts use, derived from the same objects as
// GKE's (https://docs.cloud.google.com/monitoring/api/metrics_kubernetes).
func (c *collector) system(ctx context.Context, env []string, cluster string) (string, error) {
	var pods corev1.PodList
	var nodes corev1.NodeList
	for kind, into := range map[string]any{"pods": &pods, "nodes": &nodes} {
		cmd := c.world.command(ctx, "kubectl", "get", kind, "-o", "json")
		cmd.Env = env
		text, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return "", err
		}
	}
	var out strings.Builder
	for _, p := range pods.Items {
		for _, status := range p.Status.ContainerStatuses {
			if status.State.Running != nil {
				fmt.Fprintf(&out, "kubernetes_io:container_uptime{monitored_resource=\"k8s_container\",cluster_name=%q,namespace_name=%q,pod_name=%q,container_name=%q} %f\n",
					cluster, p.Namespace, p.Name, status.Name, time.Since(status.State.Running.StartedAt.Time).Seconds())
			}
		}
	}
	available := map[string]int{}
	for _, n := range nodes.Items {
		pool := n.Labels[topology.NodePoolLabel]
		if _, seen := available[pool]; !seen {
			available[pool] = 1
		}
		for _, condition := range n.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
				available[pool] = 0
			}
		}
	}
	for pool, value := range available {
		fmt.Fprintf(&out, "kubernetes_io:node_pool_multi_host_available{monitored_resource=\"k8s_node_pool\",cluster_name=%q,node_pool_name=%q} %d\n", cluster, pool, value)
	}
	return out.String(), nil
}

// load sends more requests than the server runs concurrently; stop cancels them.
func (c *collector) load(t *testing.T) (stop func()) {
	t.Helper()
	var plan struct{ RequestsCap int }
	require.NoError(t, json.Unmarshal([]byte(c.world.shell(t, "dev", "pulumi stack output plan --json")), &plan))
	key := c.world.shell(t, "dev", "kubectl get secret sglang-api-key -o jsonpath='{.data.api_key}' | base64 -d")
	address, unforward := c.forwarded(t, "service/sglang-leader-tpu", 8000)
	prompts := slices.Repeat([]string{"count"}, plan.RequestsCap+20)
	body, err := json.Marshal(map[string]any{"text": prompts, "sampling_params": map[string]any{"max_new_tokens": 20000}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/generate", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	ended := make(chan error, 1)
	go func() {
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			text, _ := io.ReadAll(answer.Body)
			err = fmt.Errorf("%s: %.200s", answer.Status, text)
			_ = answer.Body.Close()
		}
		ended <- err
	}()
	time.Sleep(2 * time.Second) // until the server has the requests
	return func() {
		select {
		case err := <-ended:
			assert.Fail(t, "the load has ended by itself", "%v", err)
		default:
		}
		cancel()
		unforward()
	}
}
