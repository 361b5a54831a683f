package cloud

import (
	"errors"
	"strings"
)

// Fault makes a create fail the way Google does.
type Fault struct {
	Match string `json:"match"` // part of the resource's id
	Text  string `json:"text"`  // what Google says; GCE_STOCKOUT leaves the pool in ERROR
	Times int    `json:"times"`
}

// SetFaults replaces all faults.
func (c *Cloud) SetFaults(faults []Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = faults
}

func (c *Cloud) fault(r *Resource) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.faults {
		f := &c.faults[i]
		if f.Times > 0 && strings.Contains(r.ID, f.Match) {
			f.Times--
			if strings.Contains(f.Text, "STOCKOUT") || strings.Contains(f.Text, "ZONE_RESOURCE_POOL_EXHAUSTED") {
				return broken{errors.New(f.Text)}
			}
			return errors.New(f.Text)
		}
	}
	return nil
}
