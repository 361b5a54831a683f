package kube

// podMonitorings is the definition that managed collection for Prometheus brings, with the
// fields that this program uses. Source: charts/operator/crds of
// GoogleCloudPlatform/prometheus-engine. What its operator refuses afterwards, a port that
// two endpoints name and a timeout beyond the interval (pkg/operator/apis/monitoring/v1), is
// refused at once. Here it is in every cluster; nothing collects but a test.
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
