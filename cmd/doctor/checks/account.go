package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/spec/prerequisites"
)

// login checks that gcloud has an account, and Pulumi application default credentials. It
// returns whether gcloud is logged in, and the token of the credentials, which must not get
// into a finding.
func (q *questions) login(ctx context.Context) (loggedIn bool, token string) {
	var accounts []struct {
		Account string `json:"account"`
	}
	err := q.ask(ctx, &accounts, "gcloud", "auth", "list", "--filter=status:ACTIVE")
	f := report.Finding{Check: "gcloud login", Status: report.Failed, Do: "gcloud auth login"}
	switch {
	case err != nil:
		f.Says = err.Error()
	case len(accounts) == 0:
		f.Says = "no account is active"
	default:
		loggedIn = true
		f = report.Finding{Check: f.Check, Status: report.OK, Says: accounts[0].Account}
	}
	q.add(f)

	out, err := q.Run(ctx, "gcloud", "auth", "application-default", "print-access-token")
	f = report.Finding{Check: "application default credentials", Status: report.OK, Says: "present; Pulumi and the cluster's kubeconfig use them"}
	if err != nil {
		f.Status, f.Says, f.Do = report.Failed, err.Error(), "gcloud auth application-default login"
	}
	q.add(f)
	return loggedIn, string(bytes.TrimSpace(out))
}

// roles checks which of the deployer's permissions the application default credentials have on
// the project, including those through groups, folders and custom roles.
func (q *questions) roles(ctx context.Context, token string) {
	const check = "roles"
	if token == "" {
		q.add(report.Finding{Check: check, Status: report.Unknown, Says: "needs application default credentials"})
		return
	}
	grants := prerequisites.DeployGrants()
	var wanted []string
	for _, g := range grants {
		if !slices.Contains(wanted, g.Permission) {
			wanted = append(wanted, g.Permission)
		}
	}
	var has struct {
		Permissions []string `json:"permissions"`
	}
	url := "https://cloudresourcemanager.googleapis.com/v1/projects/" + q.stack.Project + ":testIamPermissions"
	out, err := q.Post(ctx, url, token, q.stack.Project, map[string][]string{"permissions": wanted})
	if err == nil {
		err = json.Unmarshal(out, &has)
	}
	if err != nil {
		q.add(report.Finding{Check: check, Status: report.Unknown, Says: err.Error(), Do: "gcloud projects get-iam-policy " + q.stack.Project})
		return
	}
	missing := map[string][]string{} // permissions by role
	var lacking []string
	for _, g := range grants {
		if !slices.Contains(has.Permissions, g.Permission) {
			if missing[g.Role] == nil {
				lacking = append(lacking, g.Role)
			}
			missing[g.Role] = append(missing[g.Role], g.Permission)
		}
	}
	for _, role := range lacking {
		q.add(report.Finding{
			Check: check, Status: report.Failed,
			Says: fmt.Sprintf("the application default credentials lack %s on %s", strings.Join(missing[role], ", "), q.stack.Project),
			Do:   fmt.Sprintf("gcloud projects add-iam-policy-binding %s --member=user:ACCOUNT --role=%s", q.stack.Project, role),
		})
	}
	if len(lacking) == 0 {
		q.add(report.Finding{Check: check, Status: report.OK, Says: fmt.Sprintf("all %d permissions that were checked, at least one for each type of resource", len(wanted))})
	}
}
