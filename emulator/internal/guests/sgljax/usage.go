package sgljax

import (
	"strings"

	declared "sglang-tpu/spec/serverargs"
)

// usageWidth is the width that argparse uses without a terminal: 80 columns minus 2.
const usageWidth = 78

// usage returns the usage text that argparse prints before an error.
func usage() string {
	lines := []string{"usage: launch_server.py"}
	indent := strings.Repeat(" ", len(lines[0]))
	for _, part := range usageParts() {
		last := &lines[len(lines)-1]
		if len(*last)+1+len(part) > usageWidth {
			lines = append(lines, indent)
			last = &lines[len(lines)-1]
		}
		*last += " " + part
	}
	return strings.Join(lines, "\n") + "\n"
}

func usageParts() []string {
	parts := []string{"[-h]"}
	for _, o := range declared.Options {
		part := o.Names[0]
		switch {
		case o.Action == "BooleanOptional":
			part = strings.Join(o.Names, " | ")
		case !o.Switch():
			part += " " + values(o)
		}
		if !o.Required {
			part = "[" + part + "]"
		}
		parts = append(parts, part)
	}
	return parts
}

// values returns the values of an option in argparse's notation.
func values(o *declared.Option) string {
	one := strings.ToUpper(strings.ReplaceAll(strings.TrimLeft(o.Names[0], "-"), "-", "_"))
	if o.Choices != nil {
		one = "{" + strings.Join(o.Choices, ",") + "}"
	}
	switch o.Values {
	case "?":
		return "[" + one + "]"
	case "*":
		return "[" + one + " ...]"
	case "+":
		return one + " [" + one + " ...]"
	}
	return one
}
