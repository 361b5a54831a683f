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

// state reads the stack's latest deployment; a stack that does not exist has an empty one.
func (s Stack) state() (*apitype.DeploymentV3, error) {
	d, _, err := readState(s.StateFile())
	if errors.Is(err, os.ErrNotExist) {
		return &apitype.DeploymentV3{}, nil
	}
	return d, err
}

// Deployment reads the stack's latest deployment, and returns what writes it back with changes.
func (s Stack) Deployment() (d *apitype.DeploymentV3, write func() error, err error) {
	return readState(s.StateFile())
}

// readState reads a checkpoint file. write writes it with changes of the deployment.
func readState(file string) (d *apitype.DeploymentV3, write func() error, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	var versioned apitype.VersionedCheckpoint
	var checkpoint apitype.CheckpointV3
	if err = json.Unmarshal(text, &versioned); err == nil {
		read := json.NewDecoder(bytes.NewReader(versioned.Checkpoint))
		read.UseNumber() // numbers keep their digits
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

// Unprotect removes protection from a checkpoint file, and returns the URNs of the
// resources that had it. The engine ends a preview at the first protected resource that it
// would have to delete, so that a reviewer would see that one and no other.
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

// finder returns the id of the cloud's resource that a create with these inputs makes;
// empty: it does not exist.
type finder func(typ string, inputs map[string]any) (string, error)

// adopt writes into a checkpoint file what was created while Pulumi was being killed. Such
// a create is in the state as a pending operation only, and pulumi refresh
// --import-pending-creates drops it (seen with 3.259). It is appended to the resources,
// where all its dependencies are before it.
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

// stacks names every stack in the backend that still has resources.
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
