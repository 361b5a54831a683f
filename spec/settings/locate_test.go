package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

func TestAProblemOfAListEntryHasTheEntrysLine(t *testing.T) {
	const file = `config:
  sglang-tpu:serverArguments:
    - --page-size
    - large
    - --mem-fraction-static=most
    - --watchdog-timeout
    - "60"
    - stray
    - --page-size
    - "128"
    - --kv-cache-dtype
    - bf16
`
	values := coder(t).With("sglang-tpu:serverArguments", `["--page-size","large","--mem-fraction-static=most","--watchdog-timeout","60","stray","--page-size","128","--kv-cache-dtype","bf16"]`)
	_, err := load(values)
	require.Error(t, err)
	get := func(key string) (string, bool) { v, ok := values[key]; return v, ok }
	var said []string
	for _, p := range Locate(problem.Of("", err), "Pulumi.dev.yaml", []byte(file), get) {
		said = append(said, strings.Join(strings.Fields(p.Error())[:6], " "))
	}
	assert.Equal(t, []string{
		`Pulumi.dev.yaml:3: config sglang-tpu:serverArguments: --page-size "large" is`,
		`Pulumi.dev.yaml:5: config sglang-tpu:serverArguments: --mem-fraction-static "most" is`,
		`Pulumi.dev.yaml:6: config sglang-tpu:serverArguments: --watchdog-timeout takes one`,
		`Pulumi.dev.yaml:9: config sglang-tpu:serverArguments: "--page-size" is given`,
	}, said)
}

// The plan and the server's own checks find these, after the parser.
func TestAProblemOfAFlagHasTheLineOfItsEntry(t *testing.T) {
	for _, words := range []string{
		`["--log-level","info","--max-running-requests",1]`, `["--log-level","info","--chunked-prefill-size=100"]`, `["--log-level","info","--page-size",0]`,
		`["--log-level","info","--kv-cache-dtype","fp8_e4m3"]`,
	} {
		values := coder(t).With("sglang-tpu:serverArguments", words)
		_, err := load(values)
		require.Error(t, err)
		file := "config:\n  sglang-tpu:serverArguments:\n    - " + strings.ReplaceAll(strings.Trim(words, "[]"), ",", "\n    - ") + "\n"
		get := func(key string) (string, bool) { v, ok := values[key]; return v, ok }
		assert.Equal(t, "Pulumi.dev.yaml:5", Locate(problem.Of("", err), "Pulumi.dev.yaml", []byte(file), get)[0].At, words)
	}
}

func TestANumberThatPulumiFormatsDifferentlyIsTheSame(t *testing.T) {
	for text, want := range map[string]string{"0.80": "Pulumi.dev.yaml:2", "0.81": "", "'0.80'": ""} {
		file := "config:\n  sglang-tpu:serverArguments: [--mem-fraction-static, " + text + "]\n"
		get := func(string) (string, bool) { return `["--mem-fraction-static",0.8]`, true }
		located := Locate(problem.List{{Key: "sglang-tpu:serverArguments", Entry: "[0]"}}, "Pulumi.dev.yaml", []byte(file), get)
		assert.Equal(t, want, located[0].At, text)
	}
}

func TestAProblemHasNoLineIfTheFileCannotBeRead(t *testing.T) {
	problems := problem.List{{Key: "gcp:zone", Why: "is wrong"}}
	for _, text := range []string{"", "config: [", "config: 7", "- a"} {
		assert.Equal(t, problems, Locate(problems, "Pulumi.dev.yaml", []byte(text), func(string) (string, bool) { return "", false }), text)
	}
}
