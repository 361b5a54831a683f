package kube

// podMonitorings is the definition that managed collection for Prometheus brings, with the
// fields that this program uses and the rules about them. Source: charts/operator/crds and
// pkg/operator/apis/monitoring/v1 of GoogleCloudPlatform/prometheus-engine. Here it is in
// every cluster; nothing collects: a test does, with Prometheus itself.
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
							"port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
							"path": {"type": "string"},
							"scheme": {"type": "string", "enum": ["http", "https"]},
							"params": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
							"interval": {"type": "string"},
							"timeout": {"type": "string"}
						}
					}, "x-kubernetes-validations": [{
						"message": "duplicated job name: consider creating a separate custom resource for endpoints that share the same port name",
						"rule": "self.all(a, self.exists_one(b, string(a.port) == string(b.port)))"
					}], "maxItems": 20}
				}
			}}}
		}}]
	}
}`
