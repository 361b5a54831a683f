package review

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	stackURN = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
	poolURN  = "urn:pulumi:dev::p::sglang-tpu:infra:Slice$gcp:container/nodePool:NodePool::slice-0"
)

func TestAPreviewIsReadFromTheEnginesEvents(t *testing.T) {
	p, err := Read([]byte(strings.Join([]string{
		"some line of a plugin",
		`{"resourcePreEvent": {"metadata": {"op": "same", "urn": "` + stackURN + `", "type": "pulumi:pulumi:Stack", "old": {"outputs": {"replicas": 1}}, "new": {}}}}`,
		`{"resourcePreEvent": {"metadata": {"op": "delete-replaced", "urn": "` + poolURN + `", "old": {"id": "old"}}}}`,
		`{"resourcePreEvent": {"metadata": {"op": "create-replacement", "urn": "` + poolURN + `", "new": {"id": "new"}, "keys": ["name"], "detailedDiff": {"name": {"diffKind": "update-replace"}}}}}`,
		`{"resOutputsEvent": {"metadata": {"op": "same", "urn": "` + stackURN + `", "type": "pulumi:pulumi:Stack", "new": {"outputs": {"replicas": 2}}}}}`,
		`{"diagnosticEvent": {"severity": "error", "message": "<{%reset%}>no quota<{%reset%}>\n"}}`,
		`{"diagnosticEvent": {"severity": "error", "message": "preview failed"}}`,
		`{"diagnosticEvent": {"severity": "warning", "message": "old key"}}`,
		`{"diagnosticEvent": {"severity": "warning", "message": "progress", "ephemeral": true}}`,
		`{"summaryEvent": {"maybeCorrupt": false}}`,
	}, "\n")))
	require.NoError(t, err)
	assert.Equal(t, []string{"no quota"}, p.Errors)
	assert.Equal(t, []string{"old key"}, p.Warnings)
	require.Len(t, p.Steps, 2)
	assert.Equal(t, map[string]any{"replicas": 2.0}, p.Steps[0].New.Outputs)
	pool := p.Steps[1]
	assert.Equal(t, Replace, pool.Op)
	assert.True(t, pool.DeletesFirst)
	assert.Equal(t, "old", pool.Old.ID)
	assert.Equal(t, "new", pool.New.ID)
	assert.Equal(t, map[string]apitype.PropertyDiff{"name": {Kind: apitype.DiffUpdateReplace}}, pool.Diff)
}

func TestAnInterruptedPreviewIsNoSuccess(t *testing.T) {
	p, err := Read(nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"the preview ended without a summary"}, p.Errors)
	_, err = Read([]byte(`{"resourcePreEvent": `))
	require.ErrorContains(t, err, "the preview's events")
}
