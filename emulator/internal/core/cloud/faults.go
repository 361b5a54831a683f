package cloud

import (
	"errors"
	"strings"
)

// Fault makes one kind of operation fail.
type Fault struct {
	// On is the operation: empty or "create" creates a resource, "update" changes one,
	// "scale-up" adds nodes for the autoscaler, "hub" downloads a repository, "bucket" writes
	// to a bucket, and "load" loads the weights of a rank. For "load", Text is the number of
	// additional seconds, or else the error.
	On string `json:"on,omitempty"`
	// Match is a substring of the resource's ID, the repository or the bucket's name; for a
	// scale-up, of "ID ZONE MODE" of the pool.
	Match string `json:"match"`
	// Text is the error; GCE_STOCKOUT leaves a node pool in ERROR with this status message
	// (hashicorp/terraform-provider-google issues 6287 and 10823).
	Text string `json:"text"`
	// Times is how many more operations fail.
	Times int `json:"times"`
}

// SetFaults replaces all faults.
func (c *Cloud) SetFaults(faults []Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = faults
}

// Faults lists the faults that are not used up.
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

// TakeFault uses a matching fault once and returns its text; empty if no fault matches.
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

// fault takes the fault of a create. Only node pools can run out of capacity.
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
