package lws

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// leaderWorkerSetSpec mirrors LeaderWorkerSetSpec. The two minimums are rules of the
// webhook; with them in the schema, they apply even when the controller is down.
func leaderWorkerSetSpec() pulumi.Map {
	template := object(pulumi.Map{
		"leaderTemplate": anyObject(),
		"workerTemplate": anyObject(),
		"size":           integer(pulumi.Map{"default": pulumi.Int(1), "minimum": pulumi.Int(1)}),
		"restartPolicy": enum("RecreateGroupOnPodRestart",
			"Default", "RecreateGroupOnPodRestart", "RecreateGroupAfterStart", "None"),
		"subGroupPolicy": object(pulumi.Map{
			"subGroupPolicyType": enum("LeaderWorker", "LeaderWorker", "LeaderExcluded"),
			"subGroupSize":       integer(pulumi.Map{"minimum": pulumi.Int(1)}),
		}),
		"volumeClaimTemplates": list(anyObject()),
		"persistentVolumeClaimRetentionPolicy": object(pulumi.Map{
			"whenDeleted": text(),
			"whenScaled":  text(),
		}),
	}, "workerTemplate")

	rollout := object(pulumi.Map{
		"type": enum("RollingUpdate", "RollingUpdate"),
		"rollingUpdateConfiguration": object(pulumi.Map{
			"maxSurge":       integerOrPercent(0),
			"maxUnavailable": integerOrPercent(1),
			"partition":      integer(pulumi.Map{"default": pulumi.Int(0), "minimum": pulumi.Int(0)}),
		}),
	}, "type")

	return object(pulumi.Map{
		"replicas":             integer(pulumi.Map{"default": pulumi.Int(1), "minimum": pulumi.Int(0)}),
		"leaderWorkerTemplate": template,
		"rolloutStrategy":      rollout,
		"startupPolicy":        enum("LeaderCreated", "LeaderCreated", "LeaderReady"),
		"networkConfig": object(pulumi.Map{
			"subdomainPolicy": enum("", "Shared", "UniquePerReplica"),
		}, "subdomainPolicy"),
	}, "leaderWorkerTemplate")
}

func leaderWorkerSetStatus() pulumi.Map {
	conditions := list(object(pulumi.Map{
		"type":               text(),
		"status":             enum("", "True", "False", "Unknown"),
		"reason":             text(),
		"message":            text(),
		"lastTransitionTime": pulumi.Map{"type": pulumi.String("string"), "format": pulumi.String("date-time")},
		"observedGeneration": integer64(),
	}, "type", "status"))
	conditions["x-kubernetes-list-type"] = pulumi.String("map")
	conditions["x-kubernetes-list-map-keys"] = pulumi.Array{pulumi.String("type")}

	return object(pulumi.Map{
		"conditions":         conditions,
		"hpaPodSelector":     text(),
		"observedGeneration": integer64(),
		"readyReplicas":      integer(nil),
		"replicas":           integer(nil),
		"updatedReplicas":    integer(nil),
	})
}

func object(properties pulumi.Map, required ...string) pulumi.Map {
	schema := pulumi.Map{"type": pulumi.String("object"), "properties": properties}
	if len(required) > 0 {
		schema["required"] = pulumi.ToArray(toAny(required))
	}
	return schema
}

// anyObject keeps all fields.
func anyObject() pulumi.Map {
	return pulumi.Map{
		"type":                                 pulumi.String("object"),
		"x-kubernetes-preserve-unknown-fields": pulumi.Bool(true),
	}
}

func list(items pulumi.Map) pulumi.Map {
	return pulumi.Map{"type": pulumi.String("array"), "items": items}
}

func text() pulumi.Map { return pulumi.Map{"type": pulumi.String("string")} }

// enum is one of the values. If the default is empty, there is none.
func enum(otherwise string, values ...string) pulumi.Map {
	schema := pulumi.Map{"type": pulumi.String("string"), "enum": pulumi.ToArray(toAny(values))}
	if otherwise != "" {
		schema["default"] = pulumi.String(otherwise)
	}
	return schema
}

func integer(more pulumi.Map) pulumi.Map {
	schema := pulumi.Map{"type": pulumi.String("integer"), "format": pulumi.String("int32")}
	for key, value := range more {
		schema[key] = value
	}
	return schema
}

func integer64() pulumi.Map {
	return pulumi.Map{"type": pulumi.String("integer"), "format": pulumi.String("int64")}
}

func integerOrPercent(otherwise int) pulumi.Map {
	return pulumi.Map{
		"anyOf":                      pulumi.Array{pulumi.Map{"type": pulumi.String("integer")}, pulumi.Map{"type": pulumi.String("string")}},
		"x-kubernetes-int-or-string": pulumi.Bool(true),
		"default":                    pulumi.Int(otherwise),
	}
}

func toAny(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
