package stacks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
)

// described is a part of the JSON Schema of the settings.
type described struct {
	Properties map[string]described
	Default    any
	Examples   []any
}

// example is a value to try: the schema's, or the other truth value than the default.
func (d described) example() any {
	if isTrue, ok := d.Default.(bool); ok {
		return !isTrue
	}
	if len(d.Examples) > 0 {
		return d.Examples[0]
	}
	return nil
}

// elsewhere are settings whose use other tests show, and why.
var elsewhere = map[string]string{
	"sglang-tpu:grantOnExisting": "it acts on what exists, and nothing exists here",
}

// A setting that the program reads and then does nothing with would go unnoticed.
func TestTheExampleOfEachSettingChangesTheStack(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "schema", "environment.json"))
	require.NoError(t, err)
	var schema struct {
		Properties struct{ Config described }
	}
	require.NoError(t, json.Unmarshal(text, &schema))
	unchanged := run(t, configtest.Minimal(t)).Text()
	tried := 0
	try := func(t *testing.T, key string, value any) {
		t.Helper()
		tried++
		written, ok := value.(string)
		if !ok {
			encoded, err := json.Marshal(value)
			require.NoError(t, err)
			written = string(encoded)
		}
		assert.NotEqual(t, unchanged, run(t, configtest.Minimal(t).With(key, written)).Text(), "%s: %s changes nothing", key, written)
	}
	for key, d := range schema.Properties.Config.Properties {
		if _, shown := elsewhere[key]; shown {
			continue
		}
		if value := d.example(); value != nil {
			try(t, key, value)
		}
		for name, inside := range d.Properties {
			if value := inside.example(); value != nil {
				try(t, key, map[string]any{name: value})
			}
		}
	}
	assert.Greater(t, tried, 8)
}
