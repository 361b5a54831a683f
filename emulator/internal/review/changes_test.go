package review

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &o))
	return o
}

func TestDifferencesHaveTheirPath(t *testing.T) {
	const hidden = `{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","ciphertext":"[secret]"}`
	const unknown = `"04da6b54-80e4-46f7-96ec-b56ff0331ba9"`
	for name, c := range map[string]struct {
		old, now string
		want     []Change
	}{
		"nothing":           {`{"a": {"b": [1, {"c": 2}]}}`, `{"a": {"b": [1, {"c": 2}]}}`, nil},
		"a deep value":      {`{"a": {"b": 1}}`, `{"a": {"b": 2}}`, []Change{{Property: "a.b", Old: "1", New: "2"}}},
		"one that is new":   {`{}`, `{"a": {"b": true}}`, []Change{{Property: "a", New: `{"b":true}`}}},
		"one that is gone":  {`{"a": "x"}`, `{}`, []Change{{Property: "a", Old: "x"}}},
		"a key with dots":   {`{"l": {"x.y/z": "1"}}`, `{"l": {"x.y/z": "2"}}`, []Change{{Property: `l["x.y/z"]`, Old: "1", New: "2"}}},
		"a provider's note": {`{"__defaults": ["a"]}`, `{"__defaults": []}`, nil},
		"a secret":          {`{"s": ` + hidden + `}`, `{"s": "plain"}`, []Change{{Property: "s", Old: "[secret]", New: "plain"}}},
		"a secret inside":   {`{}`, `{"s": [{"t": ` + hidden + `}]}`, []Change{{Property: "s", New: `[{"t":"[secret]"}]`}}},
		"what is unknown":   {`{"id": "x"}`, `{"id": ` + unknown + `}`, []Change{{Property: "id", Old: "x", New: "known later"}}},
		"things with names": {
			`{"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}`,
			`{"env": [{"name": "C", "value": "3"}, {"name": "A", "value": "1"}, {"name": "B", "value": "4"}]}`,
			[]Change{{Property: "env[B].value", Old: "2", New: "4"}, {Property: "env[C]", New: `{"name":"C","value":"3"}`}},
		},
		"arguments": {
			`{"args": ["--model", "a", "--trust", "--tp-size", "16"]}`,
			`{"args": ["--model", "a", "--log", "info", "--trust", "--tp-size", "8"]}`,
			[]Change{{Property: "args --log", New: "info"}, {Property: "args --tp-size", Old: "16", New: "8"}},
		},
		"lists without names": {`{"l": ["a", "b"]}`, `{"l": ["a", "c"]}`, []Change{{Property: "l[1]", Old: "b", New: "c"}}},
		"a longer list":       {`{"l": ["a"]}`, `{"l": ["a", "c"]}`, []Change{{Property: "l", Old: `["a"]`, New: `["a","c"]`}}},
		"a script":            {`{"s": "one\ntwo\nthree\n"}`, `{"s": "one\n  2\nthree\n"}`, []Change{{Property: "s, line 2", Old: "two", New: "2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Step{Op: Update, Old: &State{Inputs: object(t, c.old)}, New: &State{Inputs: object(t, c.now)}}
			assert.Equal(t, c.want, s.changes())
		})
	}
}

func TestPropertiesThatForceAReplacementComeFirst(t *testing.T) {
	s := Step{
		Op:   Replace,
		Old:  &State{Inputs: object(t, `{"a": 1, "nodeConfig": {"machineType": "x", "tags": ["t"]}}`)},
		New:  &State{Inputs: object(t, `{"a": 2, "nodeConfig": {"machineType": "y", "tags": ["u"]}}`)},
		Diff: map[string]apitype.PropertyDiff{"a": {Kind: "update"}, "nodeConfig.machineType": {Kind: "update-replace"}, "nodeConfig.tags[0]": {Kind: "update"}},
	}
	assert.Equal(t, []Change{
		{Property: "nodeConfig.machineType", Old: "x", New: "y", Replaces: true},
		{Property: "a", Old: "1", New: "2"},
		{Property: "nodeConfig.tags[0]", Old: "t", New: "u"},
	}, s.changes())
	assert.Equal(t, []string{"`machineType` changes from `x` to `y`"}, properties(s.changes()))
}

func TestDifferencesInTheCloudAreReported(t *testing.T) {
	s := Step{
		Op:   Update,
		Old:  &State{Inputs: object(t, `{"a": 1}`), Outputs: object(t, `{"a": 1, "smt": {"off": true}}`)},
		New:  &State{Inputs: object(t, `{"a": 1}`)},
		Diff: map[string]apitype.PropertyDiff{"smt.off": {Kind: "delete"}},
	}
	assert.Equal(t, []Change{{Property: "smt.off", Old: "true"}}, s.changes())
}

func TestEqualChangesOfBothPodTemplatesAreReportedOnce(t *testing.T) {
	template := func(image, role string) string {
		return `{"spec": {"containers": [{"name": "sglang-` + role + `", "image": "` + image + `"}]}}`
	}
	spec := func(image string) map[string]any {
		return object(t, `{"spec": {"leaderWorkerTemplate": {"leaderTemplate": `+template(image, "leader")+`, "workerTemplate": `+template(image, "worker")+`}}}`)
	}
	s := Step{Op: Update, Old: &State{Inputs: spec("a")}, New: &State{Inputs: spec("b")}}
	require.Len(t, s.changes(), 1)
	assert.Equal(t, "`containers[*].image` changes from `a` to `b`", s.changes()[0].Words())
}

func TestAFailedCreateIsDescribed(t *testing.T) {
	s := Step{
		Op: Replace, URN: "urn:pulumi:dev::sglang-tpu::" + inSlice + "$" + nodePool + "::slice-0",
		Old: &State{Inputs: object(t, `{"a": 1}`)}, New: &State{Inputs: object(t, `{"a": 1}`)},
		Keys: []string{"#initerror"}, Diff: map[string]apitype.PropertyDiff{"#initerror": {Kind: "update-replace"}},
	}
	i := item(s, facts{})
	assert.Contains(t, i.Sentence, "TPU slice 0 is replaced: its last create or update failed; its group stops serving")
}
