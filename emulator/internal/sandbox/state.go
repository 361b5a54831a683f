package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// state reads the stack's latest deployment; it is empty if the stack does not exist.
func (s Stack) state() (*apitype.DeploymentV3, error) {
	d, _, err := readState(s.StateFile())
	if errors.Is(err, os.ErrNotExist) {
		return &apitype.DeploymentV3{}, nil
	}
	return d, err
}

// Deployment reads the stack's latest deployment. write saves changes of it.
func (s Stack) Deployment() (d *apitype.DeploymentV3, write func() error, err error) {
	return readState(s.StateFile())
}

// readState reads the latest deployment of a checkpoint file. write saves changes of it.
func readState(file string) (d *apitype.DeploymentV3, write func() error, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	var versioned apitype.VersionedCheckpoint
	var checkpoint apitype.CheckpointV3
	if err = json.Unmarshal(text, &versioned); err == nil {
		read := json.NewDecoder(bytes.NewReader(versioned.Checkpoint))
		read.UseNumber() // preserves all digits
		err = read.Decode(&checkpoint)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the stack's state in %s: %w", file, err)
	}
	if checkpoint.Latest == nil {
		checkpoint.Latest = &apitype.DeploymentV3{}
	}
	return checkpoint.Latest, func() error {
		if versioned.Checkpoint, err = json.Marshal(checkpoint); err != nil {
			return err
		}
		text, err := json.Marshal(versioned)
		if err != nil {
			return err
		}
		return os.WriteFile(file, text, 0o600)
	}, nil
}

// Unprotect removes the protection of all resources in a checkpoint file and returns the URNs
// of those that had it. With protection, a preview would end at the first protected resource
// to delete, and a review would not show the others.
func Unprotect(file string) (protected []string, err error) {
	d, write, err := readState(file)
	if err != nil {
		return nil, err
	}
	for i := range d.Resources {
		if r := &d.Resources[i]; r.Protect {
			r.Protect = false
			protected = append(protected, string(r.URN))
		}
	}
	return protected, write()
}

// finder returns the ID of the cloud resource with these inputs; empty if it does not exist.
type finder func(typ string, inputs map[string]any) (string, error)

// adopt adds resources to a checkpoint file that were created while Pulumi was killed. The
// state has only a pending operation for them, which pulumi refresh --import-pending-creates
// drops (seen with 3.259). At the end of the list, they come after all of their dependencies.
func adopt(file string, find finder) error {
	d, write, err := readState(file)
	if err != nil {
		return err
	}
	var pending []apitype.OperationV2
	for _, op := range d.PendingOperations {
		id := ""
		if op.Type == apitype.OperationTypeCreating {
			if id, err = find(string(op.Resource.Type), op.Resource.Inputs); err != nil {
				return err
			}
		}
		if id == "" {
			pending = append(pending, op)
			continue
		}
		r := op.Resource
		r.ID, r.Outputs = resource.ID(id), r.Inputs // until the refresh
		d.Resources = append(d.Resources, r)
	}
	if len(pending) == len(d.PendingOperations) {
		return nil
	}
	d.PendingOperations = pending
	return write()
}

// stacks returns the names of all stacks in the backend that have resources.
func (s *Sandbox) stacks() ([]string, error) {
	files, err := filepath.Glob(s.Stack("*").StateFile())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		d, err := s.Stack(name).state()
		if err != nil {
			return nil, err
		}
		if len(d.Resources)+len(d.PendingOperations) > 0 {
			names = append(names, name)
		}
	}
	return names, nil
}
