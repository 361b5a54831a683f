package checks

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/settings"
	"sglang-tpu/spec/storage"
	"sglang-tpu/spec/topology"
)

// IDs of Compute Engine quotas in the Cloud Quotas API. Chips have a quota for each TPU family
// and region, which gcloud compute regions describe does not list. GKE's page on TPU quotas
// (https://cloud.google.com/kubernetes-engine/docs/troubleshooting/tpus) has only their display
// names. The IDs, and that flex-start uses the preemptible quota, are from public reports.
const (
	onDemandChips = "TPUS-PER-TPU-FAMILY-per-project-region"
	spotChips     = "PREEMPTIBLE-TPU7X-per-project-region"
	diskMetric    = "HDB_TOTAL_GB" // Hyperdisk Balanced, boot disks and volumes together
)

// BootDiskGB is the size of the boot disk of a TPU host, a Hyperdisk Balanced.
const BootDiskGB = 200

func (q *questions) quotaPage() string {
	return "ask for more: https://console.cloud.google.com/iam-admin/quotas?project=" + q.stack.Project
}

// chips checks the quota of each capacity option. If there are several, a missing quota is only
// a warning, because GKE tries the next option.
func (q *questions) chips(ctx context.Context, check string) {
	var all []report.Finding
	asked := map[string]bool{}
	for _, option := range q.stack.Settings.Options() {
		quota := quotaOf(option.Mode)
		if !asked[quota] {
			asked[quota] = true
			all = append(all, q.chipsOf(ctx, check, quota))
		}
	}
	f := all[0]
	for _, other := range all[1:] {
		if other.Status != f.Status {
			f.Status = report.Warning
		}
		f.Says += "; " + other.Says
		f.Do = cmp.Or(f.Do, other.Do)
	}
	q.add(f)
}

// quotaOf returns the ID of the quota of a capacity mode; empty if it needs none.
func quotaOf(mode string) string {
	switch mode {
	case capacity.Reservation:
		return ""
	case capacity.Spot, capacity.FlexStart:
		return spotChips
	}
	return onDemandChips
}

func (q *questions) chipsOf(ctx context.Context, check, quota string) report.Finding {
	if quota == "" {
		return report.Finding{Check: check, Status: report.OK, Says: "a reservation needs none"}
	}
	c := q.stack.Settings
	need := c.Topology.Chips() * c.Replicas
	f := report.Finding{Check: check, Do: q.quotaPage()}
	// With prompts disabled, gcloud would install a missing component.
	var components map[string]string
	if err := q.ask(ctx, &components, "gcloud", "version"); err != nil || components["beta"] == "" {
		f.Status, f.Says, f.Do = report.Unknown, "needs gcloud's component beta", "gcloud components install beta"
		return f
	}
	var info struct {
		Dimensions []dimension `json:"dimensionsInfos"`
	}
	err := q.ask(ctx, &info, "gcloud", "beta", "quotas", "info", "describe", quota, "--service="+computeAPI, "--project="+q.stack.Project)
	limit, known := limitOf(info.Dimensions, c.Region)
	switch {
	case err != nil:
		f.Status, f.Says = report.Unknown, err.Error()
	case !known:
		f.Status, f.Says = report.Unknown, fmt.Sprintf("%s has no entry for %s in %s", quota, topology.Accelerator, c.Region)
	case limit >= 0 && limit < int64(need):
		f.Status, f.Says = report.Failed, fmt.Sprintf("%s in %s is %d; %d chips are needed", quota, c.Region, limit, need)
	default:
		f = report.Finding{Check: check, Status: report.OK, Says: fmt.Sprintf("%s in %s is %s; %d chips are needed, and how many are already in use is not checked", quota, c.Region, orUnlimited(limit), need)}
	}
	return f
}

// dimension is a quota's value for some values of its dimensions. An omitted dimension means all
// values that are in no other entry.
type dimension struct {
	Dimensions map[string]string `json:"dimensions"`
	Details    struct {
		Value json.Number `json:"value"` // an int64, which Google writes as a text; -1: unlimited
	} `json:"details"`
	Locations []string `json:"applicableLocations"`
}

// limitOf returns the first entry for the region and tpu7x: Google sorts entries, the most
// specific first.
func limitOf(all []dimension, region string) (limit int64, known bool) {
	for _, d := range all {
		family, ofFamily := d.Dimensions["tpu_family"]
		if ofFamily && !strings.EqualFold(family, topology.Accelerator) {
			continue
		}
		if where, somewhere := d.Dimensions["region"]; somewhere && where != region {
			continue
		}
		value, err := d.Details.Value.Int64()
		if err == nil {
			return value, true
		}
		if d.Details.Value == "" { // JSON omits 0
			return 0, true
		}
	}
	return 0, false
}

func orUnlimited(limit int64) string {
	if limit < 0 {
		return "unlimited"
	}
	return fmt.Sprint(limit)
}

// diskGB returns the total size of the Hyperdisk Balanced disks of all hosts.
func diskGB(c *settings.Config) int {
	each := BootDiskGB
	if c.Cache.Mode == storage.DiskVolume {
		each += c.Cache.SizeGiB
	}
	return each * c.Topology.Hosts() * c.Replicas
}

func (q *questions) disks(ctx context.Context, check string) {
	var region struct {
		Quotas []struct {
			Metric string  `json:"metric"`
			Limit  float64 `json:"limit"`
			Usage  float64 `json:"usage"`
		} `json:"quotas"`
	}
	c := q.stack.Settings
	need := float64(diskGB(c))
	f := report.Finding{Check: check, Status: report.Unknown, Do: q.quotaPage()}
	if err := q.ask(ctx, &region, "gcloud", "compute", "regions", "describe", c.Region, "--project="+q.stack.Project); err != nil {
		f.Says = err.Error()
		q.add(f)
		return
	}
	f.Says = fmt.Sprintf("%s does not list %s", c.Region, diskMetric)
	for _, quota := range region.Quotas {
		if quota.Metric != diskMetric {
			continue
		}
		f.Says = fmt.Sprintf("%s in %s is %.0f GB, of which %.0f are in use; the stack's TPU hosts need %.0f", diskMetric, c.Region, quota.Limit, quota.Usage, need)
		switch {
		case quota.Limit < need:
			f.Status = report.Failed
		case quota.Limit-quota.Usage < need:
			f.Status, f.Says = report.Warning, f.Says+"; the quota is enough only if the GB in use are this stack's own"
		default:
			f.Status, f.Do = report.OK, ""
		}
	}
	q.add(f)
}
