// Command generate writes the files of ../types from a dump of the provider's schema. Package
// schema describes how to create the dump.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sglang-tpu/emulator/internal/core/cloud/schema"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: generate DUMP FOLDER [TYPE...]")
	}
	dump, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	all := read(string(dump))
	for _, typ := range append(schema.Types(), args[2:]...) {
		text, err := write(typ, all[typ])
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(args[1], fileName(typ)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fileName returns a type's file name, such as container.NodePool.txt.
func fileName(typ string) string {
	parts := strings.FieldsFunc(typ, func(r rune) bool { return r == ':' || r == '/' })
	return parts[1] + "." + parts[len(parts)-1] + ".txt"
}

// row is one property of the dump.
type row struct {
	path      string
	kind      string
	flags     []string
	conflicts []string // in Terraform's names
}

func read(dump string) map[string][]row {
	all := map[string][]row{}
	for _, line := range strings.Split(strings.TrimRight(dump, "\n"), "\n") {
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		columns := strings.Split(line, "\t")
		if len(columns) != 5 {
			// A default that has several lines. It is an error only for the types that are written.
			all[columns[0]] = append(all[columns[0]], row{path: line})
			continue
		}
		all[columns[0]] = append(all[columns[0]], row{
			path: strings.ReplaceAll(columns[1], "[*]", ""), kind: strings.ToLower(columns[2]),
			flags: strings.Split(columns[3], ","), conflicts: strings.Fields(columns[4]),
		})
	}
	return all
}

func write(typ string, rows []row) (string, error) {
	if len(rows) == 0 {
		return "", fmt.Errorf("the dump has no %s", typ)
	}
	known := map[string]bool{}
	for _, r := range rows {
		if r.kind == "" {
			return "", fmt.Errorf("%s: %q does not have five columns", typ, r.path)
		}
		known[r.path] = true
	}
	slices.SortFunc(rows, func(a, b row) int { return slices.Compare(strings.Split(a.path, "."), strings.Split(b.path, ".")) })
	var b strings.Builder
	fmt.Fprintln(&b, typ)
	for _, r := range rows {
		parts := strings.Split(r.path, ".")
		words := []string{parts[len(parts)-1], r.kind}
		has := func(flag string) bool { return slices.Contains(r.flags, flag) }
		for word, so := range map[string]bool{
			"required": has("required"), "computed": has("computed") && has("optional"), "output": has("computed") && !has("optional"),
		} {
			if so {
				words = append(words, word)
			}
		}
		for _, flag := range r.flags {
			if flag == "replaces" || flag == "secret" || strings.HasPrefix(flag, "default=") {
				words = append(words, flag)
			}
		}
		var conflicts []string
		for _, name := range r.conflicts {
			path := pulumiPath(name, known)
			if path == "" {
				return "", fmt.Errorf("%s: %s conflicts with %s, which the dump does not have", typ, r.path, name)
			}
			conflicts = append(conflicts, path)
		}
		if len(conflicts) > 0 {
			words = append(words, "conflicts="+strings.Join(conflicts, ","))
		}
		fmt.Fprintln(&b, strings.Repeat("\t", len(parts)-1)+strings.Join(words, " "))
	}
	return b.String(), nil
}

// pulumiPath converts a path such as ip_allocation_policy.0.cluster_ipv4_cidr_block to Pulumi's
// names, where those of lists are plural; empty if the dump does not have it.
func pulumiPath(name string, known map[string]bool) string {
	var parts []string
	for part := range strings.SplitSeq(name, ".") {
		if part == "0" {
			continue
		}
		words := strings.Split(part, "_")
		for i := 1; i < len(words); i++ {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
		parts = append(parts, strings.Join(words, ""))
	}
	path := strings.Join(parts, ".")
	for _, candidate := range []string{path, path + "s"} {
		if known[candidate] {
			return candidate
		}
	}
	return ""
}
