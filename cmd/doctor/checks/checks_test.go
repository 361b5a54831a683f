package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/cmd/internal/process"
	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/internal/configtest"
	"sglang-tpu/spec/prerequisites"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/settings"
)

const token = "ya29.a-token-that-nobody-may-print"

// answer is the output and error of a command.
type answer struct {
	out string
	err error
}

// fake is a machine on which all checks succeed. Tests change it. testdata/README.md describes
// the sources of the answers.
type fake struct {
	answers map[string]answer // by the beginning of the command
	lacks   []string          // permissions that the account does not have
	refused error             // of the question for permissions
	asked   []string
}

// file returns an answer from testdata.
func file(t *testing.T, name string) answer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return answer{out: string(text)}
}

func failing(stderr string) answer { return answer{err: &process.Error{Stderr: stderr}} }

// nobody is the error of gcloud 528.0.0 without an account.
var nobody = failing("ERROR: (gcloud.projects.describe) You do not currently have an active account selected.\nPlease run:\n\n  $ gcloud auth login\n")

func healthy(t *testing.T) *fake {
	t.Helper()
	kubectl := file(t, "kubectl_version.json")
	kubectl.out = strings.ReplaceAll(kubectl.out, "v1.32.4-dispatcher", "v1.35.1")
	return &fake{answers: map[string]answer{
		"go version":                       {out: "go version go1.26.8 linux/amd64\n"},
		"pulumi version":                   {out: "v3.259.0\n"},
		"gcloud version":                   file(t, "gcloud_version.json"),
		"gke-gcloud-auth-plugin --version": {out: "Kubernetes v1.30.0+03fcd0f8cb9eac57e97a3ed59c702bad8c73be81\n"},
		"kubectl version":                  kubectl,
		"gcloud auth list":                 file(t, "accounts.json"),
		"gcloud auth application-default print-access-": {out: token + "\n"},
		"gcloud projects describe my-project":           file(t, "project.json"),
		"gcloud billing projects describe my-project":   file(t, "billing.json"),
		"gcloud services list --enabled":                file(t, "services.json"),
		"gcloud compute machine-types list":             file(t, "machine_types.json"),
		"gcloud compute regions describe us-central1":   file(t, "region.json"),
		"gcloud beta quotas info describe PREEMPTIBLE-": file(t, "quota_spot.json"),
		"gcloud beta quotas info describe TPUS-PER-TPU": file(t, "quota_on_demand.json"),
	}}
}

func (f *fake) Run(_ context.Context, command ...string) ([]byte, error) {
	line := strings.Join(command, " ")
	f.asked = append(f.asked, line)
	longest := ""
	for begins := range f.answers {
		if strings.HasPrefix(line, begins) && len(begins) > len(longest) {
			longest = begins
		}
	}
	if a, ok := f.answers[longest]; ok {
		return []byte(a.out), a.err
	}
	return nil, &exec.Error{Name: command[0], Err: exec.ErrNotFound}
}

func (f *fake) Post(_ context.Context, url, bearer, project string, body any) ([]byte, error) {
	f.asked = append(f.asked, url)
	if bearer != token || project != "my-project" {
		return nil, fmt.Errorf("asked with %q on %q", bearer, project)
	}
	if f.refused != nil {
		return nil, f.refused
	}
	has := []string{}
	for _, permission := range body.(map[string][]string)["permissions"] {
		if !strings.Contains(strings.Join(f.lacks, " "), permission) {
			has = append(has, permission)
		}
	}
	return json.Marshal(map[string]any{"permissions": has})
}

// stack returns a stack with the configuration of dev and further values.
func stack(t *testing.T, pairs ...string) Stack {
	t.Helper()
	values := configtest.Environment(t, "dev").With(pairs...)
	s := Stack{Name: "dev", Project: values["gcp:project"], Zone: values["gcp:zone"]}
	c, err := settings.Load(settings.Source{
		Get:      func(key string) (string, bool) { v, ok := values[key]; return v, ok },
		IsSecret: func(string) bool { return false },
	})
	s.Settings, s.Problems = c, problem.Of("", err)
	return s
}

// found returns the findings of one check.
func found(all []report.Finding, check string) (those []report.Finding) {
	for _, f := range all {
		if f.Check == check {
			those = append(those, f)
		}
	}
	return those
}

func TestThereAreNoRemediesIfAllChecksSucceed(t *testing.T) {
	f := healthy(t)
	for _, finding := range All(context.Background(), f, stack(t)) {
		switch finding.Check {
		case "free chips", "organization policies":
			assert.Equal(t, report.Unknown, finding.Status)
		default:
			assert.Equal(t, report.OK, finding.Status, "%s: %s", finding.Check, finding.Says)
			assert.NotContains(t, finding.Says, token)
		}
		assert.Empty(t, finding.Do)
		assert.NotEmpty(t, finding.Says)
	}
}

func TestTheChecksOnlyRead(t *testing.T) {
	f := healthy(t)
	for _, mode := range []string{`{"mode":"spot"}`, `{"mode":"on-demand"}`, `{"mode":"reservation","reservation":"r"}`} {
		All(context.Background(), f, stack(t, "sglang-tpu:capacity", mode))
	}
	reading := regexp.MustCompile(` (version|--version|list|describe|print-access-token)\b|:testIamPermissions$`)
	for _, line := range f.asked {
		assert.Regexp(t, reading, line)
		assert.NotRegexp(t, ` (create|delete|enable|add|set|update|link|up|destroy)\b`, line)
	}
}

func TestEachProblemIsFoundAndSaysWhatToType(t *testing.T) {
	withoutCompute := strings.ReplaceAll(file(t, "services.json").out, "compute.googleapis.com", "other.googleapis.com")
	for name, tc := range map[string]struct {
		set    map[string]answer
		lacks  []string
		stack  []string // configuration
		check  string
		status report.Status
		says   string
		do     string // what it is to say; empty: the finding says all
	}{
		"a tool is missing": {
			set:   map[string]answer{"pulumi version": {err: &exec.Error{Name: "pulumi", Err: exec.ErrNotFound}}},
			check: "pulumi", status: report.Failed, says: "is not installed", do: "https://www.pulumi.com/docs/install/",
		},
		"a tool is too old": {
			set:   map[string]answer{"go version": {out: "go version go1.24.4 darwin/arm64\n"}},
			check: "go", status: report.Failed, says: "1.24.4 is too old; at least 1.26", do: "https://go.dev/doc/install",
		},
		"a tool prints something else": {
			set:   map[string]answer{"pulumi version": {out: "hello\n"}},
			check: "pulumi", status: report.Failed, says: "prints no version", do: "pulumi.com",
		},
		"a tool that only advises": {
			set:   map[string]answer{"kubectl version": file(t, "kubectl_version.json")},
			check: "kubectl", status: report.Warning, says: "1.32.4 is too old", do: "gcloud components install kubectl; where gcloud comes from apt: apt-get install kubectl",
		},
		"the plugin": {
			set:   map[string]answer{"gke-gcloud-auth-plugin --version": {err: &exec.Error{Err: exec.ErrNotFound}}},
			check: "gke-gcloud-auth-plugin", status: report.Failed, says: "kubeconfig", do: "gcloud components install gke-gcloud-auth-plugin; where gcloud comes from apt: apt-get install google-cloud-cli-gke-gcloud-auth-plugin",
		},
		"the configuration is refused": {
			stack: []string{"sglang-tpu:topology", "2x2x3"},
			check: "configuration", status: report.Failed, says: `config sglang-tpu:topology: "2x2x3" is not a tpu7x topology`, do: "use ",
		},
		"without a configuration, no quota": {
			stack: []string{"sglang-tpu:topology", "2x2x3"},
			check: "quota of chips", status: report.Unknown, says: "needs a configuration",
		},
		"nobody is logged in": {
			set:   map[string]answer{"gcloud auth list": {out: "[]"}},
			check: "gcloud login", status: report.Failed, says: "no account", do: "gcloud auth login",
		},
		"and so nothing is asked": {
			set:   map[string]answer{"gcloud auth list": {out: "[]"}},
			check: "project", status: report.Unknown, says: "needs gcp:project",
		},
		"no application default credentials": {
			set: map[string]answer{"gcloud auth application-default print-access-": failing(
				"ERROR: (gcloud.auth.application-default.print-access-token) Your default credentials were not found. To set up Application Default Credentials, see https://cloud.google.com/docs/authentication/external/set-up-adc for more information.\n")},
			check: "application default credentials", status: report.Failed, says: "were not found", do: "gcloud auth application-default login",
		},
		"the project cannot be seen": {
			set:   map[string]answer{"gcloud projects describe my-project": nobody},
			check: "project", status: report.Failed, says: "active account", do: "gcloud projects list",
		},
		"the project is deleted": {
			set:   map[string]answer{"gcloud projects describe my-project": {out: `{"lifecycleState": "DELETE_REQUESTED"}`}},
			check: "project", status: report.Failed, says: "DELETE_REQUESTED", do: "gcloud projects undelete my-project",
		},
		"nobody pays": {
			set:   map[string]answer{"gcloud billing projects describe my-project": {out: `{"billingAccountName": "", "billingEnabled": false}`}},
			check: "billing", status: report.Failed, says: "no billing account", do: "gcloud billing projects link my-project",
		},
		"billing cannot be seen": {
			set:   map[string]answer{"gcloud billing projects describe my-project": failing("ERROR: (gcloud.billing.projects.describe) PERMISSION_DENIED: The caller does not have permission\n")},
			check: "billing", status: report.Unknown, says: "PERMISSION_DENIED", do: "console.cloud.google.com/billing",
		},
		"an API is disabled": {
			set:   map[string]answer{"gcloud services list --enabled": {out: withoutCompute}},
			check: "APIs", status: report.Warning, says: "compute.googleapis.com disabled; pulumi up enables", do: "gcloud services enable compute.googleapis.com --project=my-project",
		},
		"without Compute Engine's API": {
			set:   map[string]answer{"gcloud services list --enabled": {out: withoutCompute}},
			check: "zone", status: report.Unknown, says: "only after compute.googleapis.com is enabled", do: "gcloud services enable compute.googleapis.com",
		},
		"a role is missing": {
			lacks: []string{"compute.firewalls.create"},
			check: "roles", status: report.Failed, says: "lack compute.firewalls.create on my-project", do: "--role=roles/compute.securityAdmin",
		},
		"a zone without tpu7x": {
			set:   map[string]answer{"gcloud compute machine-types list": {out: "[]"}},
			check: "zone", status: report.Failed, says: "us-central1-c has no tpu7x-standard-4t", do: "gcloud compute machine-types list",
		},
		"a platform needs no chips": {
			stack: []string{"sglang-tpu:layer", "platform"},
			check: "quota of chips", status: report.OK, says: "creates no slices",
		},
		"slices that exist need no chips": {
			stack: []string{"sglang-tpu:cluster", `{"existing":{"name":"team","nodePools":["a"]}}`},
			check: "zone", status: report.OK, says: "creates no slices",
		},
		"an answer that is no JSON": {
			set:   map[string]answer{"gcloud compute machine-types list": {out: "Listed 0 items."}},
			check: "zone", status: report.Unknown, says: "cannot read the answer",
		},
		"too few chips, spot": {
			stack: []string{"sglang-tpu:replicas", "9"},
			check: "quota of chips", status: report.Failed, says: "PREEMPTIBLE-TPU7X-per-project-region in us-central1 is 64; 72 chips", do: "console.cloud.google.com/iam-admin/quotas?project=my-project",
		},
		"too few chips, on demand": {
			stack: []string{"sglang-tpu:capacity", `{"mode":"on-demand"}`},
			check: "quota of chips", status: report.Failed, says: "TPUS-PER-TPU-FAMILY-per-project-region in us-central1 is 4; 8 chips", do: "quotas",
		},
		"flex-start takes the preemptible quota": {
			stack: []string{"sglang-tpu:capacity", `{"mode":"flex-start"}`},
			check: "quota of chips", status: report.OK, says: "PREEMPTIBLE-TPU7X-per-project-region in us-central1 is 64",
		},
		"a reservation needs no quota": {
			stack: []string{"sglang-tpu:capacity", `{"mode":"reservation","reservation":"r"}`},
			check: "quota of chips", status: report.OK, says: "needs none",
		},
		"one option of two has quota": {
			stack: []string{"sglang-tpu:capacityFallbacks", `[{"mode":"on-demand"}]`},
			check: "quota of chips", status: report.Warning, says: "is 64; 8 chips are needed, and how many are already in use is not checked; TPUS-PER-TPU-FAMILY-per-project-region in us-central1 is 4; 8 chips", do: "quotas",
		},
		"options that take the same quota": {
			stack: []string{"sglang-tpu:capacityFallbacks", `[{"mode":"flex-start"}]`},
			check: "quota of chips", status: report.OK, says: "PREEMPTIBLE-TPU7X-per-project-region in us-central1 is 64; 8 chips are needed, and how many are already in use is not checked",
		},
		"gcloud without its beta commands": {
			set:   map[string]answer{"gcloud version": {out: `{"Google Cloud SDK": "528.0.0", "core": "2025.06.20"}`}},
			check: "quota of chips", status: report.Unknown, says: "component beta", do: "gcloud components install beta",
		},
		"a quota that does not list the region": {
			set:   map[string]answer{"gcloud beta quotas info describe PREEMPTIBLE-": {out: `{"dimensionsInfos": [{"dimensions": {"region": "europe-west4"}, "details": {"value": "8"}}]}`}},
			check: "quota of chips", status: report.Unknown, says: "no entry for tpu7x in us-central1", do: "quotas",
		},
		"a quota of nothing": {
			set:   map[string]answer{"gcloud beta quotas info describe PREEMPTIBLE-": {out: `{"dimensionsInfos": [{"details": {}}]}`}},
			check: "quota of chips", status: report.Failed, says: "is 0; 8 chips", do: "quotas",
		},
		"a quota without an end": {
			set:   map[string]answer{"gcloud beta quotas info describe PREEMPTIBLE-": {out: `{"dimensionsInfos": [{"details": {"value": "-1"}}]}`}},
			check: "quota of chips", status: report.OK, says: "unlimited",
		},
		"too little disk": {
			stack: []string{"sglang-tpu:cache", `{"mode":"disk","sizeGiB":20000}`},
			check: "quota of disks", status: report.Failed, says: "is 20480 GB, of which 100 are in use; the stack's TPU hosts need 40400", do: "quotas",
		},
		"disk that is in use": {
			set:   map[string]answer{"gcloud compute regions describe us-central1": {out: `{"quotas": [{"metric": "HDB_TOTAL_GB", "limit": 500, "usage": 400}]}`}},
			check: "quota of disks", status: report.Warning, says: "need 400; the quota is enough only if the GB in use are this stack's own", do: "quotas",
		},
		"a region that lists no such quota": {
			set:   map[string]answer{"gcloud compute regions describe us-central1": {out: `{"quotas": []}`}},
			check: "quota of disks", status: report.Unknown, says: "does not list HDB_TOTAL_GB", do: "quotas",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy(t)
			for command, a := range tc.set {
				f.answers[command] = a
			}
			f.lacks = tc.lacks
			those := found(All(context.Background(), f, stack(t, tc.stack...)), tc.check)
			require.Len(t, those, 1)
			assert.Equal(t, tc.status, those[0].Status)
			assert.Contains(t, those[0].Says, tc.says)
			assert.Contains(t, those[0].Do, tc.do)
			assert.Equal(t, tc.do == "", those[0].Do == "")
		})
	}
}

func TestEveryPossibleZoneIsQueriedOnce(t *testing.T) {
	f := healthy(t)
	f.answers["gcloud compute machine-types list --filter=name=tpu7x-standard-4t --zones=us-central1-ai1a"] = answer{out: "[]"}
	zones := found(All(context.Background(), f, stack(t,
		"sglang-tpu:capacityFallbacks", `[{"mode":"spot","zones":["us-central1-ai1a","us-central1-c"]},{"mode":"on-demand"}]`)), "zone")
	require.Len(t, zones, 2)
	assert.Equal(t, report.OK, zones[0].Status)
	assert.Equal(t, "us-central1-c has tpu7x-standard-4t", zones[0].Says)
	assert.Equal(t, report.Failed, zones[1].Status)
	assert.Equal(t, "us-central1-ai1a has no tpu7x-standard-4t", zones[1].Says)
	assert.Contains(t, zones[1].Do, "then change the zones of capacity or capacityFallbacks")
}

func TestEachMissingRoleIsNamedOnce(t *testing.T) {
	f := healthy(t)
	for _, grant := range prerequisites.DeployGrants() {
		f.lacks = append(f.lacks, grant.Permission)
	}
	var roles []string
	for _, finding := range found(All(context.Background(), f, stack(t)), "roles") {
		assert.Equal(t, report.Failed, finding.Status)
		_, role, _ := strings.Cut(finding.Do, "--role=")
		assert.NotContains(t, roles, role)
		roles = append(roles, role)
	}
	assert.Contains(t, roles, "roles/container.admin")
	assert.Contains(t, roles, "roles/iam.serviceAccountUser")
}

func TestRolesThatCannotBeCheckedAreUnknown(t *testing.T) {
	f := healthy(t)
	f.refused = errors.New("Cloud Resource Manager API has not been used in project 210987654321 before or it is disabled.")
	roles := found(All(context.Background(), f, stack(t)), "roles")
	require.Len(t, roles, 1)
	assert.Equal(t, report.Unknown, roles[0].Status)
	assert.Contains(t, roles[0].Says, "has not been used")

	f = healthy(t)
	f.answers["gcloud auth application-default print-access-"] = failing("ERROR: none")
	roles = found(All(context.Background(), f, stack(t)), "roles")
	require.Len(t, roles, 1)
	assert.Equal(t, report.Unknown, roles[0].Status)
}

func TestACommandsErrorIsItsFirstLine(t *testing.T) {
	assert.EqualError(t, nobody.err, "ERROR: (gcloud.projects.describe) You do not currently have an active account selected.")
	assert.EqualError(t, &process.Error{Command: []string{"gcloud", "x"}}, "gcloud x failed and wrote no message")
}

// The size of boot disks is defined in infra/tpu, which the doctor does not import.
func TestDisksAreAsLargeAsInTheRecordedGraph(t *testing.T) {
	graph, err := os.ReadFile(filepath.Join("..", "..", "..", "stacks", "testdata", "graph", "dev.txt"))
	require.NoError(t, err)
	assert.Regexp(t, fmt.Sprintf(`diskSizeGb: %d\n +diskType: hyperdisk-balanced`, BootDiskGB), string(graph))
	assert.Equal(t, 400, diskGB(stack(t).Settings))
	assert.Equal(t, 800, diskGB(stack(t, "sglang-tpu:cache", `{"mode":"disk"}`).Settings))
	assert.Equal(t, 1200, diskGB(stack(t, "sglang-tpu:replicas", "3").Settings))
}
