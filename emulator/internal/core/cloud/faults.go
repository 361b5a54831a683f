package cloud

import (
	"errors"
	"strings"
)

// Fault makes something fail the way it fails outside.
type Fault struct {
	// On is what fails: empty or "create" for the create of a resource, "update" for a change
	// of one, "scale-up" for nodes that the autoscaler asks for, "hub" for the download of a
	// repository, "bucket" for writing into a bucket, "load" for a rank that
	// loads for as many seconds longer as Text says, or fails with Text.
	On string `json:"on,omitempty"`
	// Match is part of the resource's id, the repository or the bucket's name; of a scale-up,
	// of the pool's id, its zone and its mode, with a blank between them.
	Match string `json:"match"`
	// Text is the error; GCE_STOCKOUT leaves a node pool in ERROR, and is then its status
	// message (hashicorp/terraform-provider-google issues 6287 and 10823).
	Text  string `json:"text"`
	Times int    `json:"times"`
}

// SetFaults replaces all faults.
func (c *Cloud) SetFaults(faults []Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = faults
}

// Faults lists those that have not been used up.
func (c *Cloud) Faults() []Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := []Fault{}
	for _, f := range c.faults {
		if f.Times > 0 {
			left = append(left, f)
		}
	}
	return left
}

// TakeFault uses a fault up once, and returns its text; empty if there is none.
func (c *Cloud) TakeFault(on, name string) string {
	return c.takeFault(on, name, func(Fault) bool { return true })
}

func (c *Cloud) takeFault(on, name string, fits func(Fault) bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.faults {
		f := &c.faults[i]
		if f.Times > 0 && (f.On == on || f.On == "" && on == "create") && strings.Contains(name, f.Match) && fits(*f) {
			f.Times--
			return f.Text
		}
	}
	return ""
}

// fault is what fails of a create. Only node pools have no capacity.
func (c *Cloud) fault(r *Resource) error {
	pool := r.Type == nodePoolKind
	text := c.takeFault("create", r.ID, func(f Fault) bool { return pool || !stockout(f.Text) })
	switch {
	case text == "":
		return nil
	case stockout(text):
		return broken{errors.New(text)}
	}
	return errors.New(text)
}

func stockout(text string) bool {
	return strings.Contains(text, "STOCKOUT") || strings.Contains(text, "ZONE_RESOURCE_POOL_EXHAUSTED")
}
