package settings

import (
	"strings"
	"testing"

	"sglang-tpu/internal/configtest"
)

// FuzzLoad looks for a configuration that the loader cannot take, and for errors that
// do not begin by naming a key. Run it with: go test -fuzz=FuzzLoad ./spec/settings
func FuzzLoad(f *testing.F) {
	base := configtest.Minimal(f)
	for key, value := range base {
		f.Add(key, value, key, value, false)
	}
	for _, seed := range [][4]string{
		{"sglang-tpu:serverArguments", `["--page-size", 1, "--context-length=99999999999", "--mem-fraction-static", "NaN"]`, "sglang-tpu:topology", "4x4x8"},
		{"sglang-tpu:model", "a/b", "sglang-tpu:customModel", `{"heads":1,"weightsGiB":1,"context":1}`},
		{"sglang-tpu:network", `{"pods":"::/0","nodes":"10.0.0.0/33"}`, "sglang-tpu:labels", `{"":null}`},
		{"sglang-tpu:capacity", `{"mode":"flex-start","maxRunDuration":"9223372036854775807h"}`, "sglang-tpu:replicas", "-9223372036854775808"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], true)
	}
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 string, secret bool) {
		values := base.With(key1, value1, key2, value2)
		c, err := Load(Source{
			Get:      func(key string) (string, bool) { v, ok := values[key]; return v, ok },
			IsSecret: func(string) bool { return secret },
			Keys:     append([]string{key1, key2}, Keys()...),
		})
		if (c == nil) == (err == nil) {
			t.Fatalf("either a configuration or an error: %v, %v", c, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "config ") {
			t.Fatalf("no key is named: %v", err)
		}
		if err == nil && (c.Plan.Devices == 0 || c.Plan.RequestsCap < 1 || c.Ready <= 0 || c.Capacity.Mode == "") {
			t.Fatalf("accepted, and cannot work: %+v", c)
		}
	})
}
