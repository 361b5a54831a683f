package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sglang-tpu/spec/topology"
)

const (
	wardenName = "warden-validating.config.common-webhooks.networking.gke.io"
	wardenHook = "warden-validating.common-webhooks.networking.gke.io"
)

// startWarden runs the rules of GKE's admission webhook for TPU pods.
func startWarden(ctx context.Context, a Access) error {
	port, err := a.Serve(ctx, "warden", "warden", nil, "127.0.0.1", http.HandlerFunc(review), &tls.Config{})
	if err != nil {
		return err
	}
	return registerWarden(ctx, a, fmt.Sprintf("https://127.0.0.1:%d", port))
}

func registerWarden(ctx context.Context, a Access, url string) error {
	ca, err := os.ReadFile(a.CA.CertFile())
	if err != nil {
		return err
	}
	hooks := a.Client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	want := &registrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: wardenName},
		Webhooks: []registrationv1.ValidatingWebhook{{
			Name: wardenHook, ClientConfig: registrationv1.WebhookClientConfig{URL: &url, CABundle: ca},
			AdmissionReviewVersions: []string{"v1"}, SideEffects: ptr.To(registrationv1.SideEffectClassNone),
			FailurePolicy: ptr.To(registrationv1.Fail), MatchPolicy: ptr.To(registrationv1.Equivalent),
			Rules: []registrationv1.RuleWithOperations{{
				Operations: []registrationv1.OperationType{registrationv1.Create},
				Rule:       registrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		}},
	}
	// The address changes with each start.
	if err := hooks.Delete(ctx, wardenName, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	_, err = hooks.Create(ctx, want, metav1.CreateOptions{})
	return err
}

func review(w http.ResponseWriter, r *http.Request) {
	var in admissionv1.AdmissionReview
	var pod corev1.Pod
	err := json.NewDecoder(r.Body).Decode(&in)
	if err == nil && in.Request == nil {
		err = fmt.Errorf("no request in the review")
	}
	if err == nil {
		err = json.Unmarshal(in.Request.Object.Raw, &pod)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := &admissionv1.AdmissionResponse{UID: in.Request.UID, Allowed: true}
	if violation := violation(&pod); violation != "" {
		answer.Allowed = false
		answer.Result = &metav1.Status{Code: http.StatusBadRequest, Message: violation}
	}
	in.Request, in.Response = nil, answer
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(in) // it fails only if the client has disconnected
}

// violation returns GKE Warden's reason to reject a pod; empty if the pod is admitted.
func violation(pod *corev1.Pod) string {
	if !asksForTPUs(pod) {
		return ""
	}
	var missing []string
	for _, label := range []string{topology.AcceleratorLabel, topology.TopologyLabel} {
		if pod.Spec.NodeSelector[label] == "" {
			missing = append(missing, label)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	detail, err := json.Marshal(map[string][]string{"[denied by tpu-node-selector-limitation]": {
		"Pods that request google.com/tpu must have node selectors " + strings.Join(missing, " and ") + ".",
	}})
	if err != nil {
		return err.Error()
	}
	return "GKE Warden rejected the request because it violates one or more constraints.\nViolations details: " + string(detail)
}
