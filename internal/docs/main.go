// Command docs generates tables in docs/ from the program: models and their plans, tools, and
// IAM roles. Run it in the checkout: go run ./internal/docs
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// table is a generated table of a page. Two lines with its name enclose it.
type table struct {
	page string
	name string
	rows func() (string, error)
}

var tables = []table{
	{"docs/models.md", "models", models},
	{"docs/run-for-real.md", "tools", tools},
	{"docs/run-for-real.md", "types and roles", typesAndRoles},
	{"docs/run-for-real.md", "roles", roles},
}

func main() {
	if err := rewrite("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// rewrite updates all tables in the pages of a checkout.
func rewrite(root string) error {
	for _, t := range tables {
		page := filepath.Join(root, filepath.FromSlash(t.page))
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		rows, err := t.rows()
		if err != nil {
			return err
		}
		next, err := insert(string(text), t, rows)
		if err != nil {
			return err
		}
		if err := os.WriteFile(page, []byte(next), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// insert replaces the text between a table's two lines.
func insert(text string, t table, rows string) (string, error) {
	begin := "<!-- " + t.name + ": go run ./internal/docs -->\n"
	end := "<!-- end of " + t.name + " -->\n"
	before, rest, begun := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		return "", fmt.Errorf("%s has no place for the table of %s", t.page, t.name)
	}
	return before + begin + rows + end + after, nil
}

// markdown returns a table with a heading.
func markdown(heading []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(heading)
	b.WriteString("|" + strings.Repeat("---|", len(heading)) + "\n")
	for _, row := range rows {
		line(row)
	}
	return b.String()
}
