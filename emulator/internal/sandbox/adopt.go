package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// adopt writes into a stack's state what was created while Pulumi was being killed: id
// is asked for each create that was cut off, and answers "" for what does not exist.
// Such a create is in the state as a pending operation only; pulumi refresh
// --import-pending-creates takes it out of there and forgets it (seen with 3.259).
func (c *CLI) adopt(ctx context.Context, stack string, id func(typ string, inputs map[string]any) (string, error)) error {
	file := filepath.Join(c.Layout.Tmp(), "state-"+stack+".json")
	defer os.Remove(file)
	if out, err := c.command(ctx, stack, "stack", "export", "--file", file).CombinedOutput(); err != nil {
		return fmt.Errorf("pulumi stack export failed: %w\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed, err := adopted(text, id)
	if err != nil || changed == nil {
		return err
	}
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		return err
	}
	if out, err := c.command(ctx, stack, "stack", "import", "--file", file).CombinedOutput(); err != nil {
		return fmt.Errorf("pulumi stack import failed: %w\n%s", err, out)
	}
	return nil
}

// adopted moves the pending creates that have an id to the end of the resources, where
// all that they depend on is before them. It returns nil if there is none.
func adopted(exported []byte, id func(typ string, inputs map[string]any) (string, error)) ([]byte, error) {
	var file map[string]any
	read := json.NewDecoder(bytes.NewReader(exported))
	read.UseNumber()
	if err := read.Decode(&file); err != nil {
		return nil, fmt.Errorf("the exported state: %w", err)
	}
	deployment, _ := file["deployment"].(map[string]any)
	pending, _ := deployment["pending_operations"].([]any)
	resources, _ := deployment["resources"].([]any)
	var rest []any
	for _, entry := range pending {
		op, _ := entry.(map[string]any)
		resource, _ := op["resource"].(map[string]any)
		typ, _ := resource["type"].(string)
		inputs, _ := resource["inputs"].(map[string]any)
		found := ""
		if op["type"] == "creating" {
			var err error
			if found, err = id(typ, inputs); err != nil {
				return nil, err
			}
		}
		if found == "" {
			rest = append(rest, entry)
			continue
		}
		resource["id"] = found
		resource["outputs"] = inputs // until the refresh
		resources = append(resources, resource)
	}
	if len(rest) == len(pending) {
		return nil, nil
	}
	deployment["resources"], deployment["pending_operations"] = resources, rest
	return json.Marshal(file)
}
