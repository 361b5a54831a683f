package cloud

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
)

// Kinds of Cloud Monitoring.
const (
	alertPolicyKind = "gcp:monitoring/alertPolicy:AlertPolicy"
	dashboardKind   = "gcp:monitoring/dashboard:Dashboard"
)

// alertPolicy notifies when a PromQL query has a result or a line appears in the log. The
// rules are in the API's reference (projects.alertPolicies of monitoring.googleapis.com/v3).
// Open: the exact error texts.
func alertPolicy() kind {
	return kind{
		id: func(in Values) string {
			return "projects/" + in.text("project") + "/alertPolicies/" + numbered(in.text("displayName"))
		},
		minutes: 0.1, numbered: true, check: checkAlertPolicy,
	}
}

func checkAlertPolicy(_ *Cloud, in Values) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("googleapi: Error 400: "+format+", invalidArgument", args...)
	}
	for i, condition := range in.objects("conditions") {
		if query := asMap(condition["conditionPrometheusQueryLanguage"]); query != nil {
			for _, field := range []string{"duration", "evaluationInterval"} {
				var seconds int
				if text, given := query[field].(string); given {
					if _, err := fmt.Sscanf(text, "%ds", &seconds); err != nil || seconds%30 != 0 {
						return refuse("Field alert_policy.conditions[%d].condition_prometheus_query_language.%s had an invalid value of %q: must be a multiple of 30 seconds", i, field, text)
					}
				}
			}
		}
		if asMap(condition["conditionMatchedLog"]) != nil {
			if len(in.list("conditions")) > 1 {
				return refuse("Field alert_policy.conditions had an invalid value: a log-based condition must be the only one")
			}
			if in.at("alertStrategy.notificationRateLimit") == nil {
				return refuse("Field alert_policy.alert_strategy.notification_rate_limit is required for log-based alert policies")
			}
		}
	}
	return nil
}

// dashboard rejects a dashboardJson that is not a dashboard.
func dashboard() kind {
	return kind{
		id: func(in Values) string {
			var shown struct {
				Title string `json:"displayName"`
			}
			_ = json.Unmarshal([]byte(in.text("dashboardJson")), &shown) // check reports the error
			return "projects/" + in.text("project") + "/dashboards/" + numbered(shown.Title)
		},
		minutes: 0.1, numbered: true,
		check: func(_ *Cloud, in Values) error {
			var shown map[string]any
			if err := json.Unmarshal([]byte(in.text("dashboardJson")), &shown); err != nil || shown["displayName"] == nil {
				return fmt.Errorf("Error creating Dashboard: googleapi: Error 400: Request contains an invalid argument., badRequest")
			}
			return nil
		},
	}
}

// numbered returns an ID like the ones that Google generates, derived from the name.
func numbered(name string) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(name)) // it cannot fail
	return fmt.Sprint(sum.Sum64())
}
