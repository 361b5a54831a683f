// Command schema generates files from the Go types of the settings: the JSON Schema of
// Pulumi.<env>.yaml, the config section of Pulumi.yaml, and the tables of settings in the
// documentation. Run it in the checkout: make schema
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sglang-tpu/spec/settings"
)

// SchemaFile is the JSON Schema of this project's Pulumi.<env>.yaml.
const schemaFile = "schema/environment.json"

func main() {
	files, err := generate(".")
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(name, []byte(text), 0o644) //nolint:gosec // files of the checkout
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// generate returns the content of all generated files by their path in a checkout.
func generate(root string) (map[string]string, error) {
	all, err := settingsSchema(root)
	if err != nil {
		return nil, err
	}
	schema, err := fileSchema(all, settings.Namespace)
	if err != nil {
		return nil, err
	}
	files := map[string]string{schemaFile: string(schema)}
	project, err := os.ReadFile(filepath.Join(root, "Pulumi.yaml"))
	if err != nil {
		return nil, err
	}
	if files["Pulumi.yaml"], err = projectFile(string(project), all); err != nil {
		return nil, err
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	whole := false
	for _, document := range append(documents, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(document)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, document)
		if err != nil {
			return nil, err
		}
		written, err := tables(string(text), all)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = written
		whole = whole || allKeys.MatchString(written)
	}
	if !whole {
		return nil, errors.New("no document has the table of all settings, between <!-- settings --> and <!-- end of settings -->")
	}
	return files, nil
}
