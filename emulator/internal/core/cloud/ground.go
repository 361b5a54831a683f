package cloud

import (
	"context"
	"errors"
	"fmt"
)

// Ground makes what is there before any stack: a network, a cluster. It belongs to nobody
// here, and is in the way of nothing.
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
			return fmt.Errorf("%s %s is there already", one.Type, id)
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

// RemoveGround deletes what Ground made. What is used by something goes after that.
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
			if r.Type == serviceKind {
				c.mu.Lock()
				delete(c.resources, r.Type+" "+r.ID)
				c.mu.Unlock()
				removed++
				continue
			}
			c.mu.Lock() // nothing of it is to stay, whatever protects it
			switch r.Type {
			case clusterKind:
				r.Inputs["deletionProtection"] = false
			case bucketKind:
				r.Inputs["forceDestroy"] = true
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

// Described is all that exists, in full: what a stack must leave as it was.
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
