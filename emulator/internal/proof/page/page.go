// Package page writes results into a page of the documentation.
package page

import (
	"fmt"
	"os"
	"strings"
)

// Replace replaces the part of a page between the comments <!-- NAME --> and <!-- end of NAME -->.
func Replace(file, part, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+part+" -->\n", "<!-- end of "+part+" -->"
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s has no part %q", file, part)
	}
	return os.WriteFile(file, []byte(before+begin+"\n"+strings.TrimSpace(text)+"\n\n"+end+after), 0o644)
}
