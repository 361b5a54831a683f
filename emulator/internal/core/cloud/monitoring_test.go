package cloud

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func alertValues() Values {
	return Values{
		"project": "p", "displayName": "c: requests wait", "combiner": "OR",
		"conditions": []any{map[string]any{"displayName": "requests wait", "conditionPrometheusQueryLanguage": map[string]any{
			"query": "up == 0", "duration": "300s", "evaluationInterval": "30s",
		}}},
	}
}

func TestCloudMonitoringIsAnAPIToBeEnabled(t *testing.T) {
	c, err := Open(stateFile(t), 0)
	require.NoError(t, err)
	_, err = c.Create(context.Background(), alertPolicyKind, alertValues())
	require.ErrorContains(t, err, "Cloud Monitoring API has not been used in project p before or it is disabled")
	create(t, c, serviceKind, Values{"project": "p", "service": "monitoring.googleapis.com"})
	made := create(t, c, alertPolicyKind, alertValues())
	assert.Regexp(t, `^projects/p/alertPolicies/\d+$`, made.ID)
	assert.Equal(t, made.ID, made.Outputs["name"])
	again := create(t, c, alertPolicyKind, alertValues())
	assert.NotEqual(t, made.ID, again.ID, "Google makes another up, and there are two")
	assert.Equal(t, again.ID, again.Outputs["name"])
}

func TestAlertPoliciesThatGoogleRejects(t *testing.T) {
	c, _ := open(t, stateFile(t))
	log := map[string]any{"displayName": "a line", "conditionMatchedLog": map[string]any{"filter": "x"}}
	for name, change := range map[string]func(Values){
		"multiple of 30 seconds": func(v Values) {
			asMap(asMap(v.list("conditions")[0])["conditionPrometheusQueryLanguage"])["evaluationInterval"] = "45s"
		},
		"notification_rate_limit": func(v Values) { v["conditions"] = []any{log} },
		"must be the only one": func(v Values) {
			v["conditions"] = append(v.list("conditions"), log)
			v["alertStrategy"] = map[string]any{"notificationRateLimit": map[string]any{"period": "300s"}}
		},
	} {
		values := alertValues()
		change(values)
		_, err := c.Create(context.Background(), alertPolicyKind, values)
		require.ErrorContains(t, err, name)
	}
	_, err := c.Create(context.Background(), dashboardKind, Values{"project": "p", "dashboardJson": "no JSON"})
	require.ErrorContains(t, err, "invalid argument")
}
