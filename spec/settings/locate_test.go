package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/problem"
)

func TestAProblemNamesTheLineOfItsKey(t *testing.T) {
	const file = `# A comment.
config:
  gcp:zone: us-central1
  sglang-tpu:capacity: {mode: cheap}
  sglang-tpu:labels:
    environment: dev
    Team: x
  sglang-tpu:maintenance:
    window: {hours: 6}
    exclusions:
      - name: a
        start: 2026-12-02
        end: 2026-12-01
  sglang-tpu:hfToken:
    secure: v1:abc
  sglang-tpu:topology: 2x2x1
`
	values := map[string]string{
		"gcp:zone": "us-central1", "sglang-tpu:capacity": `{"mode":"cheap"}`, "sglang-tpu:labels": `{"Team":"x","environment":"dev"}`,
		"sglang-tpu:maintenance": `{"exclusions":[{"end":"2026-12-01 00:00:00 +0000 UTC","name":"a","start":"2026-12-02 00:00:00 +0000 UTC"}],"window":{"hours":6}}`,
		"sglang-tpu:hfToken":     "hf_secret", "sglang-tpu:topology": "2x2x2", "sglang-tpu:replicas": "-1",
	}
	get := func(key string) (string, bool) { v, ok := values[key]; return v, ok }
	for key, want := range map[string]string{
		"gcp:zone":                                 "Pulumi.dev.yaml:3",
		"sglang-tpu:capacity.mode":                 "Pulumi.dev.yaml:4",
		"sglang-tpu:capacity.reservation":          "Pulumi.dev.yaml:4", // not there: its object's
		"sglang-tpu:labels.Team":                   "Pulumi.dev.yaml:7",
		"sglang-tpu:maintenance.exclusions[0].end": "Pulumi.dev.yaml:13",
		"sglang-tpu:maintenance.exclusions[7].end": "Pulumi.dev.yaml:10",
		"sglang-tpu:hfToken":                       "Pulumi.dev.yaml:14",
		"sglang-tpu:topology":                      "", // another value is in use
		"sglang-tpu:replicas":                      "", // of another file
		"":                                         "",
	} {
		located := Locate(problem.List{{Key: key, Why: "is wrong"}}, "Pulumi.dev.yaml", []byte(file), get)
		assert.Equal(t, want, located[0].At, key)
	}
}

func TestAProblemHasNoLineIfTheFileCannotBeRead(t *testing.T) {
	problems := problem.List{{Key: "gcp:zone", Why: "is wrong"}}
	for _, text := range []string{"", "config: [", "config: 7", "- a"} {
		assert.Equal(t, problems, Locate(problems, "Pulumi.dev.yaml", []byte(text), func(string) (string, bool) { return "", false }), text)
	}
}
