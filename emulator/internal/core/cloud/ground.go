package cloud

import (
	"context"
	"errors"
	"fmt"
)

// Ground creates resources that exist before any stack, such as a network or a cluster. No
// stack owns them, so they do not count as left over when the stacks are destroyed.
func (c *Cloud) Ground(ctx context.Context, all []Request) error {
	for _, one := range all {
		failures, err := Check(one.Type, one.Inputs)
		if err != nil {
			return err
		}
		for path, why := range failures {
			return fmt.Errorf("%s: %s: %s", one.Type, path, why)
		}
		id, err := ID(one.Type, one.Inputs)
		if err != nil {
			return err
		}
		if c.get(one.Type, id) != nil {
			return fmt.Errorf("%s %s already exists", one.Type, id)
		}
		if _, err := c.Create(ctx, one.Type, one.Inputs); err != nil {
			return fmt.Errorf("%s %s: %w", one.Type, id, err)
		}
		c.mu.Lock()
		c.resources[one.Type+" "+id].Ground = true
		err = c.save()
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// RemoveGround deletes what Ground created. It repeats until nothing is left, because a
// resource in use can only be deleted after its users.
func (c *Cloud) RemoveGround(ctx context.Context) error {
	for {
		var left []*Resource
		c.mu.Lock()
		for _, r := range c.resources {
			if r.Ground {
				left = append(left, r)
			}
		}
		c.mu.Unlock()
		removed, refused := 0, error(nil)
		for _, r := range left {
			c.mu.Lock() // override the protection against deletion
			switch r.Type {
			case clusterKind:
				r.Inputs["deletionProtection"] = false
			case bucketKind:
				r.Inputs["forceDestroy"] = true
			case serviceKind:
				r.Inputs["disableOnDestroy"] = true
			}
			c.mu.Unlock()
			if err := c.Delete(ctx, r.Type, r.ID); err != nil {
				refused = errors.Join(refused, err)
				continue
			}
			removed++
		}
		if removed == 0 {
			return refused
		}
	}
}

// Described returns all resources in full, to check that a stack left them unchanged.
func (c *Cloud) Described() []Resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []Resource{}
	for _, r := range c.resources {
		one := r.copy()
		one.Ground, one.Generation = r.Ground, r.Generation
		all = append(all, *one)
	}
	return all
}
