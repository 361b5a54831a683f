package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"sglang-tpu/spec/names"
)

// outputs are the stack's, as far as they are used here (stacks/outputs.go).
type outputs struct {
	Kubeconfig string `json:"kubeconfig"`
	Namespace  string `json:"namespace"`
	Set        string `json:"leaderWorkerSet"`
	Service    string `json:"service"`
	KeySecret  string `json:"apiKeySecret"` // empty: the server wants no key
	Replicas   int    `json:"replicas"`
	Plan       struct {
		Model string `json:"model"`
		Hosts int    `json:"hosts"`
	} `json:"plan"`
}

// readStack reads the outputs and saves the kubeconfig that is among them. It returns what is
// missing for all other checks; empty: nothing.
func (q *questions) readStack(ctx context.Context) (missing string) {
	missing = "needs the stack's outputs"
	up := "pulumi up --stack " + q.stack
	text, err := q.Run(ctx, "pulumi", "stack", "output", "--json", "--stack", q.stack)
	if err != nil {
		q.fail(stackCheck, message(err), "as for pulumi up: pulumi login to the stack's backend, its passphrase in PULUMI_CONFIG_PASSPHRASE if it has one, and the name of a stack that pulumi stack ls lists")
		return missing
	}
	if err := json.Unmarshal(text, &q.out); err != nil {
		q.fail(stackCheck, "the outputs cannot be read: "+err.Error(), up)
		return missing
	}
	out := q.out
	for _, o := range []struct {
		name string
		set  bool
	}{
		{"kubeconfig", out.Kubeconfig != ""},
		{"namespace", out.Namespace != ""},
		{"leaderWorkerSet", out.Set != ""},
		{"service", out.Service != ""},
		{"plan", out.Plan.Model != "" && out.Plan.Hosts > 0},
	} {
		if !o.set {
			q.fail(stackCheck, fmt.Sprintf("stack %s is not up: it has no output %s", q.stack, o.name), up)
			return missing
		}
	}
	if out.Replicas == 0 {
		q.fail(stackCheck, fmt.Sprintf("stack %s has replicas 0: nothing serves", q.stack), "pulumi config set replicas 1 --stack "+q.stack+", then "+up)
		return "needs a group"
	}
	if q.config, err = q.Save(out.Kubeconfig); err != nil {
		q.fail(stackCheck, "the kubeconfig cannot be saved: "+err.Error(), "make room in the temporary folder, or set TMPDIR to another")
		return missing
	}
	q.ok(stackCheck, "%s is %s on %d x %d hosts", q.stack, out.Plan.Model, out.Replicas, out.Plan.Hosts)
	return ""
}

// ranks compares the pods with what the stack has, group by group. It returns the leader of
// each group that has one, and whether the cluster answered.
func (q *questions) ranks(ctx context.Context) (leaders map[int]string, reached bool) {
	text, err := q.get(ctx, "pods", "-l", names.SetLabel+"="+q.out.Set)
	var pods corev1.PodList
	if err == nil {
		err = json.Unmarshal(text, &pods)
	}
	if err != nil {
		q.fail(clusterCheck, message(err), "make doctor STACK="+q.stack+", which asks for login and tools; the stack's output getCredentialsCommand, and kubectl get pods, show the same without this program")
		return nil, false
	}
	q.ok(clusterCheck, "kubectl reaches it")

	leaders = map[int]string{}
	found := make([]int, q.out.Replicas) // pods by group
	var wrong []string
	suspect := "" // the first pod that is there and not ready
	for i := range pods.Items {
		pod := &pods.Items[i]
		group, err := strconv.Atoi(pod.Labels[names.GroupLabel])
		if err != nil || group < 0 || group >= q.out.Replicas {
			wrong = append(wrong, pod.Name+" is of a group that the stack does not have")
			continue
		}
		found[group]++
		if pod.Labels[names.WorkerLabel] == "0" {
			leaders[group] = pod.Name
		}
		if state := notReady(pod); state != "" {
			wrong = append(wrong, pod.Name+" "+state)
			if suspect == "" {
				suspect = pod.Name
			}
		}
	}
	for group, n := range found {
		if n < q.out.Plan.Hosts {
			wrong = append(wrong, fmt.Sprintf("group %d has %d of %d pods", group, n, q.out.Plan.Hosts))
		}
	}
	if len(wrong) == 0 {
		q.ok(ranksCheck, "all %d pods are there and ready: %d x %d", len(pods.Items), q.out.Replicas, q.out.Plan.Hosts)
		return leaders, true
	}
	do := q.typed("get leaderworkerset,pods") + "; a group whose worker has gone starts again by itself, and pulumi up --refresh restores a number of groups that somebody changed"
	if suspect != "" {
		do = q.typed("describe pod "+suspect) + " says why; a group whose worker has gone starts again by itself (docs/troubleshooting.md)"
	}
	q.fail(ranksCheck, strings.Join(wrong, "; "), do)
	return leaders, true
}

// notReady says why a pod does not count; empty if it does.
func notReady(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "is ending"
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return ""
		}
	}
	return fmt.Sprintf("is not ready (%s)", pod.Status.Phase)
}

// service counts the leaders that the Service sends requests to.
func (q *questions) service(ctx context.Context) {
	text, err := q.get(ctx, "endpointslices", "-l", discoveryv1.LabelServiceName+"="+q.out.Service)
	var slices discoveryv1.EndpointSliceList
	if err == nil {
		err = json.Unmarshal(text, &slices)
	}
	describe := q.typed("describe service " + q.out.Service)
	if err != nil {
		q.fail(serviceCheck, message(err), describe)
		return
	}
	ready := map[string]bool{} // by address
	for _, slice := range slices.Items {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			for _, address := range e.Addresses {
				ready[address] = true
			}
		}
	}
	switch {
	case len(ready) == 0:
		q.fail(serviceCheck, q.out.Service+" has no ready endpoint: no client's request reaches a server", describe+"; its endpoints are the leaders that are ready, and pulumi up --refresh restores a Service that somebody changed")
	case len(ready) < q.out.Replicas:
		q.fail(serviceCheck, fmt.Sprintf("%d of %d leaders are ready endpoints of %s: the other groups serve nobody", len(ready), q.out.Replicas, q.out.Service), describe+"; its endpoints are the leaders that are ready")
	default:
		q.ok(serviceCheck, "%d of %d leaders are ready endpoints of %s", len(ready), q.out.Replicas, q.out.Service)
	}
}

// readKey reads the API key from where the stack has it, as the output curlCommand does. It
// returns whether requests can be sent.
func (q *questions) readKey(ctx context.Context) bool {
	if q.out.KeySecret == "" {
		return true
	}
	text, err := q.get(ctx, "secret", q.out.KeySecret)
	var secret corev1.Secret
	if err == nil {
		err = json.Unmarshal(text, &secret)
	}
	if err == nil && len(secret.Data) != 1 {
		err = fmt.Errorf("secret %s has %d entries, and the API key is the only one of its own", q.out.KeySecret, len(secret.Data))
	}
	if err != nil {
		q.fail(keyCheck, "cannot be read: "+message(err), q.typed("get secret "+q.out.KeySecret)+"; reading it takes the right to get secrets, and pulumi up --refresh restores it")
		return false
	}
	for _, value := range secret.Data {
		q.key = string(value)
	}
	return true
}
