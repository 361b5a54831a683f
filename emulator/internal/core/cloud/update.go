package cloud

import (
	"context"
	"errors"
	"fmt"
)

// Update updates a resource in place. ignored are the program's ignoreChanges.
func (c *Cloud) Update(ctx context.Context, typ, id string, in Values, ignored ...string) (*Resource, error) {
	k, err := kindOf(typ)
	if err != nil {
		return nil, err
	}
	r := c.get(typ, id)
	if r == nil {
		return nil, fmt.Errorf("googleapi: Error 404: The resource '%s' was not found, notFound", id)
	}
	defer c.exclusive(r)()
	if err := c.refused(k, r, in); err != nil {
		return nil, err
	}
	c.wait(ctx, k.minutes/2)
	if text := c.TakeFault("update", r.ID); text != "" {
		return nil, errors.New(text)
	}
	c.mu.Lock()
	before, state := r.Inputs, r.Outputs
	r.Outputs = Merge(typ, r.Outputs, in, ignored)
	r.Inputs = stored(typ, before, in, ignored)
	k.setOutputs(r)
	c.mu.Unlock()
	if k.update != nil {
		if err := k.update(&operation{ctx: ctx, cloud: c, resource: r, before: before}); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			r.Inputs, r.Outputs = before, state
			return nil, errors.Join(err, c.save())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.copy(), c.save()
}

// refused returns the error of an update that Google's API rejects at once.
func (c *Cloud) refused(k kind, r *Resource, in Values) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.checkUpdate != nil {
		if err := k.checkUpdate(c, r, in); err != nil {
			return err
		}
	}
	if k.check != nil {
		return k.check(c, in)
	}
	return nil
}
