// Command readme writes the table of settings in docs/configuration.md from the schema in
// Pulumi.yaml.
// Run it in the checkout: go run ./internal/readme
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"sglang-tpu/spec/settings"
)

// The table stands between these lines.
const (
	begin = "<!-- settings: go run ./internal/readme -->\n"
	end   = "<!-- end of settings -->\n"
)

func main() {
	if err := rewrite("docs/configuration.md", "Pulumi.yaml"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rewrite(page, schema string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	project, err := workspace.LoadProject(schema)
	if err != nil {
		return err
	}
	rows, err := table(project, settings.Keys())
	if err != nil {
		return err
	}
	next, err := insert(string(text), rows)
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(next), 0o600)
}

// insert puts the table in its place in the page's text.
func insert(text, rows string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return "", errors.New("the page has no place for the table of settings")
	}
	return before + begin + rows + end + after, nil
}

// table has a row for each key. A key that the schema does not describe is an error.
func table(project *workspace.Project, keys []string) (string, error) {
	var b strings.Builder
	b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	for _, key := range keys {
		short := strings.TrimPrefix(key, string(project.Name)+":")
		typ, standard, meaning := "", "", ""
		if setting, ok := project.Config[short]; ok && setting.Default != nil {
			text, err := json.Marshal(setting.Default)
			if err != nil {
				return "", err
			}
			typ, standard, meaning = "array", "`"+strings.Trim(string(text), `"`)+"`", setting.Description
			if setting.Type != nil { // which a list of texts and numbers cannot have
				typ = *setting.Type
			}
		} else if question, ok := project.Template.Config[key]; ok {
			typ, meaning = "string", question.Description
			if question.Secret {
				typ = "secret"
			}
		} else if key != "gcp:region" { // which follows from the zone, and may only agree
			return "", fmt.Errorf("Pulumi.yaml does not describe %s", key)
		} else {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", short, typ, standard, strings.Join(strings.Fields(meaning), " "))
	}
	return b.String(), nil
}
