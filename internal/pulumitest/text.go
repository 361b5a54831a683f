package pulumitest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

const masked = "[secret]"

// Text returns the graph as text for diffs: every resource by type and name, with all options.
// Secrets are masked. The text does not depend on the order of registration.
func (g *Graph) Text() string {
	all := g.All()
	slices.SortStableFunc(all, func(a, b Resource) int { return strings.Compare(a.label(), b.label()) })
	var b strings.Builder
	for i, r := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		r.write(&b)
	}
	return b.String()
}

func (r Resource) label() string { return r.Type + " " + r.Name }

func (r Resource) write(b *strings.Builder) {
	fmt.Fprintln(b, r.label())
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %s: %s\n", name, value)
		}
	}
	list := func(name string, values []string) { line(name, strings.Join(values, ", ")) }
	flag := func(name string, set bool) {
		if set {
			line(name, "true")
		}
	}
	line("parent", typeAndName(r.RPC.GetParent()))
	line("provider", r.Provider())
	list("providers", r.providers())
	flag("protect", r.Protected())
	flag("deleteBeforeReplace", r.DeletesBeforeReplace())
	flag("retainOnDelete", r.RPC.GetRetainOnDelete())
	line("deletedWith", typeAndName(r.RPC.GetDeletedWith()))
	list("ignoreChanges", r.IgnoresChanges())
	list("replaceOnChanges", r.ReplacesOnChanges())
	list("aliases", r.Aliases())
	timeouts := r.RPC.GetCustomTimeouts()
	line("createTimeout", timeouts.GetCreate())
	line("updateTimeout", timeouts.GetUpdate())
	line("deleteTimeout", timeouts.GetDelete())
	var waits []string
	for _, urn := range r.RPC.GetDependencies() {
		waits = append(waits, typeAndName(urn))
	}
	slices.Sort(waits)
	if len(waits) > 0 {
		fmt.Fprintf(b, "  dependsOn:\n    - %s\n", strings.Join(waits, "\n    - "))
	}
	if len(r.Inputs) > 0 {
		b.WriteString("  inputs:")
		writeValue(b, resource.NewObjectProperty(r.Inputs), "    ")
	}
}

// providers returns the providers of a component's children by package.
func (r Resource) providers() []string {
	var all []string
	for pkg := range r.RPC.GetProviders() {
		all = append(all, pkg+"="+r.ProviderOf(pkg))
	}
	slices.Sort(all)
	return all
}

// typeAndName returns the last two parts of urn:pulumi:stack::project::parent$type::name.
func typeAndName(urn string) string {
	parts := strings.SplitN(urn, "::", 4)
	if len(parts) < 4 {
		return ""
	}
	return parts[2][strings.LastIndex(parts[2], "$")+1:] + " " + parts[3]
}

// writeValue writes a value in a YAML-like format and ends the line.
func writeValue(b *strings.Builder, value resource.PropertyValue, indent string) {
	switch {
	case value.IsSecret():
		b.WriteString(" " + masked + "\n")
	case value.IsOutput():
		writeValue(b, value.OutputValue().Element, indent)
	case value.IsObject() && len(value.ObjectValue()) == 0:
		b.WriteString(" {}\n")
	case value.IsArray() && len(value.ArrayValue()) == 0:
		b.WriteString(" []\n")
	case value.IsObject():
		b.WriteByte('\n')
		for _, key := range value.ObjectValue().StableKeys() {
			fmt.Fprintf(b, "%s%s:", indent, key)
			writeValue(b, value.ObjectValue()[key], indent+"  ")
		}
	case value.IsArray():
		b.WriteByte('\n')
		for _, element := range value.ArrayValue() {
			b.WriteString(indent + "-")
			var e strings.Builder
			writeValue(&e, element, indent+"  ")
			// An object starts on the line of its dash.
			b.WriteString(strings.Replace(e.String(), "\n"+indent+"  ", " ", 1))
		}
	case value.IsString() && strings.Count(value.StringValue(), "\n") > 1:
		// Scripts are reviewed in their source files; the graph only shows that they change.
		text := value.StringValue()
		fmt.Fprintf(b, " %d lines, sha256 %.12x\n", strings.Count(text, "\n"), sha256.Sum256([]byte(text)))
	case value.IsString():
		b.WriteString(" " + quoted(value.StringValue()) + "\n")
	default:
		fmt.Fprintf(b, " %v\n", value.Mappable())
	}
}

// quoted quotes texts such as "1" that look like other values.
func quoted(text string) string {
	_, err := strconv.ParseFloat(text, 64)
	if err == nil || text == "" || text == "true" || text == "false" || strings.TrimSpace(text) != text || strings.Contains(text, "\n") {
		return strconv.Quote(text)
	}
	return text
}
