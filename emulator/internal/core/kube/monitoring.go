package kube

// podMonitorings is the CustomResourceDefinition of managed collection for Prometheus, reduced
// to the fields that this program uses. Source: charts/operator/crds of
// GoogleCloudPlatform/prometheus-engine. It also rejects what the operator rejects later: a
// port in two endpoints, and a timeout that exceeds the interval
// (pkg/operator/apis/monitoring/v1). The emulator installs it in every cluster and does not
// collect metrics.
const podMonitorings = `{
	"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
	"metadata": {"name": "podmonitorings.monitoring.googleapis.com"},
	"spec": {
		"group": "monitoring.googleapis.com", "scope": "Namespaced",
		"names": {"kind": "PodMonitoring", "listKind": "PodMonitoringList", "plural": "podmonitorings", "singular": "podmonitoring"},
		"versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
			"type": "object", "required": ["spec"], "properties": {"spec": {
				"type": "object", "required": ["endpoints", "selector"], "properties": {
					"selector": {"type": "object", "properties": {"matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}}},
					"endpoints": {"type": "array", "items": {
						"type": "object", "required": ["port", "interval"],
						"x-kubernetes-validations": [{
							"message": "scrape timeout must not be greater than scrape interval",
							"rule": "!has(self.timeout) || duration(self.timeout) <= duration(self.interval)"
						}],
						"properties": {
							"port": {"type": "string"},
							"path": {"type": "string"},
							"scheme": {"type": "string", "enum": ["http", "https"]},
							"params": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
							"interval": {"type": "string", "maxLength": 16},
							"timeout": {"type": "string", "maxLength": 16}
						}
					}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"], "maxItems": 20}
				}
			}}}
		}}]
	}
}`
