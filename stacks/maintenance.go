package stacks

import (
	"sglang-tpu/infra/cluster"
	"sglang-tpu/spec/settings"
)

// maintenance is the same in the cluster's words.
func maintenance(m settings.Maintenance) cluster.Maintenance {
	out := cluster.Maintenance{Start: m.Window.Start, Hours: m.Window.Hours, Days: m.Window.Weekdays()}
	for _, e := range m.Exclusions {
		out.Exclusions = append(out.Exclusions, cluster.Exclusion(e))
	}
	return out
}
