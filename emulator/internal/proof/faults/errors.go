package faults

import (
	"math/rand/v2"
	"net/http"

	"sglang-tpu/emulator/internal/core/injection"
)

// googleErrors are answers of Google's APIs, as users report them to hashicorp/terraform-provider-google.
var googleErrors = []string{
	"googleapi: Error 403: Permission denied on resource (or it may not exist)., forbidden",
	"googleapi: Error 403: Quota 'RESOURCES' exceeded. Limit: 10.0 in region us-central1., quotaExceeded",
	"googleapi: Error 429: Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute' of service, rateLimitExceeded",
	"googleapi: Error 503: The service is currently unavailable., backendError",
	"googleapi: Error 400: Cluster is running incompatible operation operation-1., failedPrecondition",
	"googleapi: Error 409: The request was aborted because of a concurrent change., aborted",
}

// alreadyExists is also the answer to a create if a deleted resource still has the name.
const alreadyExists = "googleapi: Error 409: The resource already exists, alreadyExists"

// kubernetesErrors are answers of API servers (apimachinery, pkg/api/errors).
var kubernetesErrors = []injection.Fault{
	{Status: http.StatusForbidden, Reason: "Forbidden", Text: `is forbidden: User "deployer" cannot patch resource`},
	{Status: http.StatusForbidden, Reason: "Forbidden", Text: "is forbidden: exceeded quota: objects, requested: count=1, used: count=10, limited: count=10"},
	{Status: http.StatusTooManyRequests, Reason: "TooManyRequests", Text: "the server has received too many requests and has asked us to try again later"},
	{Status: http.StatusServiceUnavailable, Reason: "ServiceUnavailable", Text: "the server is currently unable to handle the request"},
	{Status: http.StatusInternalServerError, Reason: "InternalError", Text: "etcdserver: request timed out"},
	{Status: http.StatusConflict, Reason: "Conflict", Text: "the object has been modified; please apply your changes to the latest version and try again"},
}

// drawError returns a random error for a refused request.
func drawError(f *injection.Fault, t *target, draw *rand.Rand) {
	if t.google {
		texts := googleErrors
		if f.Operation == injection.Create {
			texts = append([]string{alreadyExists}, texts...)
		}
		f.Text = texts[draw.IntN(len(texts))]
		return
	}
	e := kubernetesErrors[draw.IntN(len(kubernetesErrors))]
	f.Status, f.Reason, f.Text = e.Status, e.Reason, e.Text
}

// timeout is the error after the provider's timeout: that of the plugin SDK's state changes (helper/retry of
// hashicorp/terraform-plugin-sdk), and the API server's answer after its own timeout.
func timeout(f *injection.Fault, t *target) {
	if t.google {
		f.Text = "Error waiting for the operation: timeout while waiting for state to become 'DONE' (last state: 'RUNNING', timeout: 20m0s)"
		return
	}
	f.Status, f.Reason, f.Text = http.StatusGatewayTimeout, "Timeout", "Timeout: request did not complete within the allotted timeout"
}
