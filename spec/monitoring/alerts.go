package monitoring

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Endpoint identifies the endpoint in the queries.
type Endpoint struct {
	Cluster   string // its name
	Title     string // prefix of the names of the alerts and the dashboard; empty: the cluster's name
	Namespace string
	Set       string   // the LeaderWorkerSet
	Slices    string   // prefix of the node pools' names, before a number
	Fallbacks bool     // whether the names of some node pools continue after the number
	Pools     []string // the names of existing node pools, instead of the prefix
	Groups    int      // groups that should answer; 0: none, so there is no alert about them
	Requests  int      // requests that a group runs at once; the server does not report this
	MultiHost bool     // whether a slice has several hosts; only then does GKE have metrics of the whole slice
}

// Name is the endpoint's name in alerts and dashboards.
func (e Endpoint) Name() string { return cmp.Or(e.Title, e.Cluster) }

// pools is a regular expression of the node pools' names.
func (e Endpoint) pools() string {
	if len(e.Pools) > 0 {
		return strings.Join(e.Pools, "|")
	}
	if e.Fallbacks {
		return e.Slices + "[0-9]+(-[0-9a-f]+)?"
	}
	return e.Slices + "[0-9]+"
}

// Severities of Cloud Monitoring.
const (
	Critical = "CRITICAL"
	Warning  = "WARNING"
)

// Alert is a condition that notifies people. Either Query or Log is set.
type Alert struct {
	Name     string        // of the resource, and of the row in docs/monitoring.md
	Title    string        // what has happened
	Query    string        // PromQL; fires while it has a result
	Log      string        // filter of Cloud Logging; fires at each entry that it finds
	For      time.Duration // how long the query must have had a result
	Severity string
	Text     string // what it means and what to do, in Markdown, on one line
}

// Job is the name of the scrape job of a group.
func Job(set string, group int) string { return fmt.Sprintf("%s-%d", set, group) }

// scraped selects the endpoint's own series.
func (e Endpoint) scraped(metric string) string {
	return fmt.Sprintf(`%s{cluster="%s",namespace="%s",job=~"%s-[0-9]+"}`, metric, e.Cluster, e.Namespace, e.Set)
}

// serverContainers are the containers of leader and worker.
const serverContainers = "sglang-(leader|worker)"

// container selects series of GKE about containers of the servers.
func (e Endpoint) container(metric string) string {
	return fmt.Sprintf(`kubernetes_io:container_%s{monitored_resource="k8s_container",cluster_name="%s",namespace_name="%s",container_name=~"%s"}`,
		metric, e.Cluster, e.Namespace, serverContainers)
}

// answering returns the query of how many groups answer; 0 if there are no series. While
// the exporter is replaced, two of its pods may have a series of the same group.
func (e Endpoint) answering() string {
	return "(count(max by (job) (" + e.scraped("up") + ") == 1) or vector(0))"
}

// waiting returns the query of the requests of each group that have waited during all of
// the last minutes.
func (e Endpoint) waiting() string {
	return fmt.Sprintf("sum by (job) (min_over_time(%s[5m])) + sum by (job) (min_over_time(%s[5m]))",
		e.scraped(QueueRequests), e.scraped(PendingRequests))
}

// free returns the query of the free share of each group's KV pool.
func (e Endpoint) free() string {
	return fmt.Sprintf("sum by (job) (%s) / max by (job) (%s)", e.scraped(FreeTokens), e.scraped(TotalTokens))
}

// restarts returns the query of how often each container has restarted in an hour. The pods
// of a group are recreated with each restart and keep their names, so their restart count
// stays 0 and their uptime begins again.
func (e Endpoint) restarts() string {
	return "sum by (pod_name, container_name) (resets(" + e.container("uptime") + "[1h]))"
}

// slices returns the query of how many slices have all their hosts; 0 if there are no
// series. A pool has a series for each reason why it was unavailable, so the minimum
// counts.
func (e Endpoint) slices() string {
	return fmt.Sprintf(`(count(min by (node_pool_name) (kubernetes_io:node_pool_multi_host_available{monitored_resource="k8s_node_pool",cluster_name="%s",node_pool_name=~"%s"}) == 1) or vector(0))`,
		e.Cluster, e.pools())
}

// log returns the filter of the lines of containers of the namespace that match a regular
// expression.
func (e Endpoint) log(container, line string) string {
	return strings.Join([]string{
		`resource.type="k8s_container"`,
		fmt.Sprintf(`resource.labels.cluster_name="%s"`, e.Cluster),
		fmt.Sprintf(`resource.labels.namespace_name="%s"`, e.Namespace),
		fmt.Sprintf(`resource.labels.container_name=~"^%s$"`, container),
		fmt.Sprintf(`textPayload=~"%s"`, line),
	}, " AND ")
}

// Lines that the scripts of the server and of the download write when they give up; a test
// holds them against the scripts.
const (
	RendezvousLine = "^launch: the ranks have not met for "
	DownloadLine   = "^download: .*(could not be fetched|is not open to everybody|is not on the Hub|may not write to the bucket)"
)

// Alerts returns the alerts of an endpoint.
func Alerts(e Endpoint) []Alert {
	var all []Alert
	if e.Groups > 0 {
		all = append(all, Alert{
			Name: "no-answer", Title: "a group does not answer", Severity: Critical, For: 10 * time.Minute,
			Query: fmt.Sprintf("%s < %d", e.answering(), e.Groups),
			Text: "Fewer groups answer than `replicas`. While a model is loaded for the first time, or anew on another slice, this is expected. " +
				"`kubectl get pods -n " + e.Namespace + "`: a leader that is not ready says why in `kubectl logs`; Pending pods have no slice. " +
				"If all leaders are ready, look at the exporter: `kubectl logs -n " + e.Namespace + " deployment/" + ExporterName + "`",
		}, Alert{
			Name: "queue", Title: "requests wait all the time", Severity: Warning, For: 5 * time.Minute,
			Query: e.waiting() + " > 0",
			Text: "For ten minutes there was no moment without a waiting request: clients see it as time to the first token. " +
				"Raise `replicas`, or limit the clients. The dashboard shows whether the batch or the KV pool is full",
		}, Alert{
			Name: "kv-pool", Title: "the KV pool is full", Severity: Warning, For: 5 * time.Minute,
			// A full pool alone is a prefix cache at work.
			Query: fmt.Sprintf("(%s) > 0 and on (job) (%s) < 0.05", e.waiting(), e.free()),
			Text: "Requests wait and less than 5% of the KV pool is free: long prompts or answers fill it before the batch is full. " +
				"Raise `replicas`, take a larger `topology`, or shorten requests; the output `plan` has the pool's size in `kvPoolTokens`",
		}, Alert{
			Name: "restarts", Title: "a server restarts again and again", Severity: Warning,
			Query: e.restarts() + " >= 3",
			Text: "A server has restarted three times or more in an hour. Each time its whole group is made anew, so the last words of the one that ended are in Cloud Logging " +
				"(`resource.labels.pod_name` and `container_name` are the alert's labels); `kubectl get events -n " + e.Namespace + "` has what probes and nodes say",
		})
	}
	if e.Groups > 0 && e.MultiHost {
		all = append(all, Alert{
			Name: "slice-lost", Title: "a slice is lost or not running", Severity: Critical, For: 5 * time.Minute,
			Query: fmt.Sprintf("%s < %d", e.slices(), e.Groups),
			Text: "Fewer slices than `replicas` have all their hosts: taken back (spot), under repair or maintenance, or never created. " +
				"The label `unavailability_reason` of `kubernetes.io/node_pool/multi_host/available` says which. GKE repairs by itself; " +
				"a node pool in status ERROR needs `pulumi up`, which asks for a new slice",
		})
	}
	return append(all, Alert{
		Name: "download", Title: "the weights could not be downloaded", Severity: Critical,
		Log: e.log("download", DownloadLine),
		Text: "The download Job has given up; the line in the log says why. Accept the licence, set `hfToken`, or correct `model` and `modelRevision`, " +
			"then run `pulumi up`, which goes on with what has come",
	}, Alert{
		Name: "rendezvous", Title: "the ranks of a group do not meet", Severity: Critical,
		Log: e.log(serverContainers, RendezvousLine),
		Text: "A group has ended because a pod had no address or did not connect for ten minutes; it starts again by itself. " +
			"If it comes again: `kubectl describe pod` of the pod that the line names",
	})
}
