package cloud

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNothingIsCreatedWhileItsAPIIsDisabled(t *testing.T) {
	c, err := Open(stateFile(t), 0)
	require.NoError(t, err)
	c.Clusters = newFake()
	for typ, in := range map[string]Values{
		networkKind:    {"project": "p", "name": "n"},
		clusterKind:    clusterValues(),
		repositoryKind: repositoryValues(),
		bucketKind:     {"project": "p", "name": "b", "location": "us-central1"},
		accountKind:    {"project": "p", "accountId": "a"},
		projectIAMKind: {"project": "p", "role": "r", "member": "m"},
	} {
		_, err := c.Create(context.Background(), typ, in)
		require.ErrorContains(t, err, "API has not been used in project p before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/", typ)
	}
	create(t, c, serviceKind, Values{"project": "other", "service": "compute.googleapis.com"})
	_, err = c.Create(context.Background(), networkKind, Values{"project": "p", "name": "n"})
	require.ErrorContains(t, err, "Compute Engine API has not been used", "it is on in another project")
	create(t, c, serviceKind, Values{"project": "p", "service": "compute.googleapis.com"})
	create(t, c, networkKind, Values{"project": "p", "name": "n"})
}

func TestAnEarlierProgramCanBeDeployedForAReview(t *testing.T) {
	c, err := Open(stateFile(t), 0)
	require.NoError(t, err)
	c.Clusters = newFake()
	c.Lenient = true
	withCluster(t, c)
	in := clusterValues()
	in["securityPostureConfig"] = object("mode", "BASIC", "vulnerabilityMode", "VULNERABILITY_BASIC")
	_, err = c.Update(context.Background(), clusterKind, clusterID, in)
	require.NoError(t, err)
	create(t, c, nodePoolKind, slice("nodeConfig.flexStart", true, "nodeConfig.spot", false, "nodeCount", nil, "autoscaling", object("maxNodeCount", float64(2))))
	require.NoError(t, c.StreamingAllowed("p", "nodes@p"))
}

func TestStreamingNeedsItsAPIAndARole(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	const email = "nodes@p.iam.gserviceaccount.com"
	require.ErrorContains(t, c.StreamingAllowed("p", email), "Container File System API has not been used in project p before or it is disabled")
	create(t, c, serviceKind, Values{"project": "p", "service": "containerfilesystem.googleapis.com"})
	require.ErrorContains(t, c.StreamingAllowed("p", email), "'serviceusage.services.use' denied")
	create(t, c, projectIAMKind, Values{"project": "p", "role": "roles/container.defaultNodeServiceAccount", "member": "serviceAccount:" + email})
	require.Error(t, c.StreamingAllowed("p", email), "the other role of nodes does not hold it")
	create(t, c, projectIAMKind, Values{"project": "p", "role": "roles/serviceusage.serviceUsageConsumer", "member": "serviceAccount:" + email})
	require.NoError(t, c.StreamingAllowed("p", email))
	require.NoError(t, c.StreamingAllowed("p", "default"), "the default account is the project's editor")

	create(t, c, nodePoolKind, slice("nodeConfig.gcfsConfig", object("enabled", true)))
	create(t, c, nodePoolKind, slice("name", "other"))
	assert.True(t, fake.nodes["c/slice"][0].Streaming)
	assert.False(t, fake.nodes["c/other"][0].Streaming)
}

func TestVulnerabilityScanningIsNoLongerOffered(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	in := clusterValues()
	in["securityPostureConfig"] = object("mode", "BASIC", "vulnerabilityMode", "VULNERABILITY_BASIC")
	_, err := c.Update(context.Background(), clusterKind, clusterID, in)
	require.ErrorContains(t, err, "VULNERABILITY_BASIC is no longer supported")
	in["securityPostureConfig"] = object("mode", "BASIC", "vulnerabilityMode", "VULNERABILITY_DISABLED")
	_, err = c.Update(context.Background(), clusterKind, clusterID, in)
	require.NoError(t, err)
}

// The provider rejects the value that GKE reports. The program therefore must not ignore the
// property: an ignored property takes the value that a refresh has read.
func TestGKEReportsADifferentEncryptionState(t *testing.T) {
	for version, state := range map[string]string{
		"1.34.0-gke.2201000": "ENCRYPTED", "1.35": "ALL_OBJECTS_ENCRYPTION_ENABLED", "1.36.1-gke.1": "ALL_OBJECTS_ENCRYPTION_ENABLED",
	} {
		c, _ := open(t, stateFile(t))
		withCluster(t, c)
		in := clusterValues()
		in["minMasterVersion"] = version
		in["databaseEncryption"] = object("state", "ENCRYPTED", "keyName", "k")
		r, err := c.Update(context.Background(), clusterKind, clusterID, in)
		require.NoError(t, err)
		assert.Equal(t, object("state", state, "keyName", "k"), r.Outputs["databaseEncryption"], version)
		found, err := Diff(clusterKind, r.Outputs, in, nil)
		require.NoError(t, err)
		assert.Equal(t, state != "ENCRYPTED", len(found) == 1 && found[0] == Change{Path: "databaseEncryption.state"}, version)
	}
	for _, tc := range []struct {
		given map[string]any
		says  string
	}{
		{object("state", "ENCRYPTED", "keyName", "k"), ""},
		{object("keyName", "k"), "Missing required property"},
		{object("state", "ALL_OBJECTS_ENCRYPTION_ENABLED", "keyName", "k"), `expected database_encryption.0.state to be one of ["ENCRYPTED" "DECRYPTED"], got ALL_OBJECTS_ENCRYPTION_ENABLED`},
	} {
		wrong, err := Check(clusterKind, Values{"name": "c", "databaseEncryption": tc.given})
		require.NoError(t, err)
		if tc.says == "" {
			assert.Empty(t, wrong)
			continue
		}
		assert.Contains(t, wrong["databaseEncryption.state"], tc.says)
	}
}

func TestMaintenanceThatGKERejects(t *testing.T) {
	recurring := func(end, recurrence string) map[string]any {
		return object("recurringWindow", object("startTime", "2026-01-03T03:00:00Z", "endTime", end, "recurrence", recurrence))
	}
	daily := func(exclusions ...any) map[string]any {
		return object("dailyMaintenanceWindow", object("startTime", "03:00"), "maintenanceExclusions", exclusions)
	}
	exclusion := func(end, scope string) map[string]any {
		return object("exclusionName", "a", "startTime", "2026-12-01T00:00:00Z", "endTime", end, "exclusionOptions", object("scope", scope))
	}
	for name, test := range map[string]struct {
		policy any
		says   string
	}{
		"nothing":                      {nil, ""},
		"every day":                    {daily(), ""},
		"no window":                    {object("maintenanceExclusions", []any{}), "Invalid combination of arguments"},
		"two days of six hours":        {recurring("2026-01-03T09:00:00Z", "FREQ=WEEKLY;BYDAY=SA,SU"), ""},
		"one day of six hours":         {recurring("2026-01-03T09:00:00Z", "FREQ=WEEKLY;BYDAY=SA"), "at least 48 hours"},
		"three hours":                  {recurring("2026-01-03T06:00:00Z", "FREQ=DAILY"), "pieces of at least 4 hours"},
		"no day":                       {recurring("2026-01-03T09:00:00Z", "FREQ=WEEKLY;BYDAY=Saturday"), "Invalid maintenance window"},
		"no node upgrades for a year":  {daily(exclusion("2027-11-30T00:00:00Z", "NO_MINOR_OR_NODE_UPGRADES")), ""},
		"no upgrades for 90 days":      {daily(exclusion("2027-03-01T00:00:00Z", "NO_UPGRADES")), ""},
		"no upgrades for longer":       {daily(exclusion("2027-03-02T00:00:00Z", "NO_UPGRADES")), "at most 90 days"},
		"an end before the start":      {daily(exclusion("2026-11-30T00:00:00Z", "NO_UPGRADES")), "its end must be after its start"},
		"no upgrades for four times":   {daily(exclusion("2026-12-02T00:00:00Z", ""), exclusion("2026-12-02T00:00:00Z", ""), exclusion("2026-12-02T00:00:00Z", ""), exclusion("2026-12-02T00:00:00Z", "")), "at most 3"},
		"more than the provider takes": {daily(make([]any, 21)...), "No more than 20 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			in := clusterValues()
			in["maintenancePolicy"] = test.policy
			err := checkMaintenance(in)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.says)
		})
	}
	in := clusterValues()
	in["maintenancePolicy"], in["releaseChannel"] = daily(exclusion("2027-11-30T00:00:00Z", "NO_MINOR_OR_NODE_UPGRADES")), object("channel", "UNSPECIFIED")
	require.ErrorContains(t, checkMaintenance(in), "needs a release channel")
}
