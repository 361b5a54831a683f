package lws

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// endpointSeconds is how long the control plane may take to learn of a ready pod's endpoint.
const endpointSeconds = 3

// gate changes the chart so that it counts as created only when its webhooks answer. That
// requires two things. The API server needs the caBundle that the controller writes into
// the webhook configurations. And the controller listens only a few seconds after it has
// written the caBundle, although its /readyz succeeds from the start; so a startup probe
// checks the webhook port itself.
//
// The chart's Services are not awaited, because the provider would wait until their endpoints have not changed for ten
// seconds (endpoints of pkg/await in pulumi-kubernetes). Instead, the Deployment becomes available only after the
// manager has been ready for a few seconds, during which the control plane learns of the endpoint.
func gate(_ context.Context, args *pulumi.ResourceTransformArgs) *pulumi.ResourceTransformResult {
	switch args.Type {
	case "kubernetes:admissionregistration.k8s.io/v1:MutatingWebhookConfiguration",
		"kubernetes:admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration":
		waitForCABundles(args.Props)
	case "kubernetes:apps/v1:Deployment":
		probeWebhooks(args.Props)
		child(args.Props, "spec")["minReadySeconds"] = pulumi.Int(endpointSeconds)
	case "kubernetes:core/v1:Service":
		child(child(args.Props, "metadata"), "annotations")["pulumi.com/skipAwait"] = pulumi.String("true")
	default:
		return nil
	}
	return &pulumi.ResourceTransformResult{Props: args.Props, Opts: args.Opts}
}

// waitForCABundles names each webhook, because with [*] the provider would accept the first
// value that it finds.
func waitForCABundles(configuration pulumi.Map) {
	hooks, _ := configuration["webhooks"].(pulumi.Array)
	conditions := make([]string, len(hooks))
	for i := range hooks {
		conditions[i] = fmt.Sprintf("jsonpath={.webhooks[%d].clientConfig.caBundle}", i)
	}
	text, err := json.Marshal(conditions)
	if err != nil || len(hooks) == 0 {
		return // an empty list would be an error of the provider's
	}
	annotations := child(child(configuration, "metadata"), "annotations")
	annotations["pulumi.com/waitFor"] = pulumi.String(text)
	// The API server adds a scope to each rule. If an up was interrupted here, the next one
	// takes this for a change by another client: `Apply failed with 2 conflicts: ...
	// .webhooks[name="mleaderworkerset.kb.io"].rules`.
	annotations["pulumi.com/patchForce"] = pulumi.String("true")
}

// probeWebhooks allows the manager five minutes: a kubelet may take more than one minute to
// mount a certificate that was written after the pod started.
func probeWebhooks(deployment pulumi.Map) {
	pod := child(child(child(deployment, "spec"), "template"), "spec")
	containers, _ := pod["containers"].(pulumi.Array)
	for _, c := range containers {
		if container, ok := c.(pulumi.Map); ok && container["name"] == pulumi.String("manager") {
			container["startupProbe"] = pulumi.Map{
				"tcpSocket":        pulumi.Map{"port": pulumi.Int(WebhookPort)},
				"periodSeconds":    pulumi.Int(2),
				"failureThreshold": pulumi.Int(150),
			}
		}
	}
}

// child returns the map under a key, and creates it if it does not exist.
func child(parent pulumi.Map, key string) pulumi.Map {
	m, ok := parent[key].(pulumi.Map)
	if !ok {
		m = pulumi.Map{}
		parent[key] = m
	}
	return m
}
