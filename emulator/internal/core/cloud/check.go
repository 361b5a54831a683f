package cloud

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"sglang-tpu/emulator/internal/core/cloud/schema"
	"sglang-tpu/emulator/internal/property"
)

// Unknown is Pulumi's wire value for an input that is only known after another resource has
// been created.
const Unknown = plugin.UnknownStringValue

// Check validates inputs as the provider does before it calls Google, and returns the errors
// by property path. The texts are those of Terraform's SDK and Pulumi's bridge, with Pulumi's
// property names in place of Terraform's.
func Check(typ string, in Values) (map[string]string, error) {
	if _, err := kindOf(typ); err != nil {
		return nil, err
	}
	c := checker{properties: schema.Of(typ), inputs: in, failures: map[string]string{}}
	c.level(c.properties, in, "")
	if p := schema.Find(c.properties, "name"); p != nil && !p.Output && in["name"] == nil {
		c.failures["name"] = "Missing required property 'name': the emulated Google Cloud does not generate names"
	}
	for path, why := range invalidValues(typ, in) {
		c.failures[path] = why
	}
	return c.failures, nil
}

// Has reports whether a type has an optional input of this name.
func Has(typ, property string) bool {
	p := schema.Find(schema.Of(typ), property)
	return p != nil && !p.Output && !p.Required
}

type checker struct {
	properties []*schema.Property
	inputs     Values
	failures   map[string]string
}

func (c *checker) level(level []*schema.Property, values map[string]any, path string) {
	for name := range values {
		at := property.Join(path, name)
		switch p := schema.Find(level, name); {
		case strings.HasPrefix(name, "__"): // Pulumi's metadata
		case p == nil:
			c.failures[at] = "Invalid or unknown key"
		case p.Output:
			c.failures[at] = fmt.Sprintf("Value for unconfigurable attribute. Can't configure a value for %q: "+
				"its value will be decided automatically based on the result of applying this configuration.", at)
		default:
			c.property(p, values[name], at)
		}
	}
	for _, p := range level {
		if p.Required && values[p.Name] == nil {
			at := property.Join(path, p.Name)
			c.failures[at] = fmt.Sprintf("Missing required property '%s'", at)
		}
	}
}

func (c *checker) property(p *schema.Property, value any, path string) {
	for _, other := range p.Conflict {
		if beside := c.inputs.at(other); value != nil && value != Unknown && beside != nil && beside != Unknown {
			c.failures[path] = fmt.Sprintf("Conflicting configuration arguments. %q: conflicts with %s", path, other)
		}
	}
	if p.Inside == nil {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		c.level(p.Inside, v, path)
	case []any:
		for i, element := range v {
			if m, ok := element.(map[string]any); ok {
				c.level(p.Inside, m, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
}

// badRequest formats an error as the provider reports Google's status 400.
func badRequest(format string, args ...any) error {
	return fmt.Errorf("googleapi: Error 400: "+format+", badRequest", args...)
}
