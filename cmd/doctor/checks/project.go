package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/spec/prerequisites"
)

// project reports whether the project exists, is active, and is visible to gcloud's account.
func (q *questions) project(ctx context.Context) bool {
	var project struct {
		LifecycleState string `json:"lifecycleState"`
		ProjectNumber  string `json:"projectNumber"`
	}
	f := report.Finding{Check: "project", Status: report.Failed, Do: "gcloud projects list"}
	err := q.ask(ctx, &project, "gcloud", "projects", "describe", q.stack.Project)
	switch {
	case err != nil:
		f.Says = err.Error()
	case project.LifecycleState != "ACTIVE":
		f.Says, f.Do = q.stack.Project+" is "+project.LifecycleState, "gcloud projects undelete "+q.stack.Project
	default:
		f = report.Finding{Check: f.Check, Status: report.OK, Says: q.stack.Project + ", number " + project.ProjectNumber}
	}
	q.add(f)
	return f.Status == report.OK
}

func (q *questions) billing(ctx context.Context) {
	var info struct {
		Enabled bool `json:"billingEnabled"`
	}
	f := report.Finding{Check: "billing", Status: report.OK, Says: "a billing account pays for the project"}
	if err := q.ask(ctx, &info, "gcloud", "billing", "projects", "describe", q.stack.Project); err != nil {
		f.Status, f.Says = report.Unknown, err.Error()
		f.Do = "https://console.cloud.google.com/billing/linkedaccount?project=" + q.stack.Project
	} else if !info.Enabled {
		f.Status, f.Says = report.Failed, "no billing account pays for the project"
		f.Do = "gcloud billing projects link " + q.stack.Project + " --billing-account=ACCOUNT_ID"
	}
	q.add(f)
}

// apis returns the enabled APIs. Missing APIs are not an error, because the stack enables them.
func (q *questions) apis(ctx context.Context) (enabled []string) {
	var services []struct {
		Config struct {
			Name string `json:"name"`
		} `json:"config"`
	}
	if err := q.ask(ctx, &services, "gcloud", "services", "list", "--enabled", "--project="+q.stack.Project); err != nil {
		q.add(report.Finding{Check: "APIs", Status: report.Unknown, Says: err.Error(), Do: "gcloud services enable serviceusage.googleapis.com --project=" + q.stack.Project})
		return nil
	}
	for _, s := range services {
		enabled = append(enabled, s.Config.Name)
	}
	var missing []string
	for _, api := range prerequisites.CommonAPIs() {
		if !slices.Contains(enabled, api) {
			missing = append(missing, api)
		}
	}
	f := report.Finding{Check: "APIs", Status: report.OK, Says: fmt.Sprintf("all %d that every stack calls are enabled", len(prerequisites.CommonAPIs()))}
	if len(missing) > 0 {
		f.Status, f.Says = report.Warning, strings.Join(missing, ", ")+" disabled; pulumi up enables them"
		f.Do = "gcloud services enable " + strings.Join(missing, " ") + " --project=" + q.stack.Project
	}
	q.add(f)
	return enabled
}

const computeAPI = "compute.googleapis.com"

// compute checks the machine type and quotas in Compute Engine.
func (q *questions) compute(ctx context.Context, enabled []string) {
	for _, check := range []struct {
		name string
		do   func(context.Context, string)
	}{
		{"zone", q.zones}, {"quota of chips", q.chips}, {"quota of disks", q.disks},
	} {
		switch {
		case q.stack.Settings == nil:
			q.add(report.Finding{Check: check.name, Status: report.Unknown, Says: "needs a configuration that is accepted"})
		case !q.stack.Settings.MakesSlices():
			q.add(report.Finding{Check: check.name, Status: report.OK, Says: "this stack creates no slices"})
		case !slices.Contains(enabled, computeAPI):
			q.add(report.Finding{Check: check.name, Status: report.Unknown, Says: "can be checked only after " + computeAPI + " is enabled", Do: "gcloud services enable " + computeAPI + " --project=" + q.stack.Project})
		default:
			check.do(ctx, check.name)
		}
	}
}

// zones looks for the machine type in each zone where a slice may be.
func (q *questions) zones(ctx context.Context, check string) {
	machine := q.stack.Settings.Topology.MachineType()
	asked := map[string]bool{}
	for _, option := range q.stack.Settings.Options() {
		for _, zone := range option.Zones {
			if !asked[zone] {
				asked[zone] = true
				q.add(q.zone(ctx, check, zone, machine))
			}
		}
	}
}

func (q *questions) zone(ctx context.Context, check, zone, machine string) report.Finding {
	filter := "--filter=name=" + machine
	var types []json.RawMessage
	err := q.ask(ctx, &types, "gcloud", "compute", "machine-types", "list", filter, "--zones="+zone, "--project="+q.stack.Project)
	switch {
	case err != nil:
		return report.Finding{Check: check, Status: report.Unknown, Says: err.Error()}
	case len(types) == 0:
		change := "pulumi config set gcp:zone ZONE"
		if zone != q.stack.Zone {
			change = "change the zones of capacity or capacityFallbacks"
		}
		return report.Finding{
			Check: check, Status: report.Failed, Says: zone + " has no " + machine,
			Do: "gcloud compute machine-types list " + filter + " --project=" + q.stack.Project + " shows the zones that do; then " + change,
		}
	}
	return report.Finding{Check: check, Status: report.OK, Says: zone + " has " + machine}
}
