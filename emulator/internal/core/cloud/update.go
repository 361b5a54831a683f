package cloud

import (
	"context"
	"errors"
	"fmt"
)

// Update changes a resource in place. Paths in ignored are the program's ignoreChanges.
func (c *Cloud) Update(ctx context.Context, typ, id string, in Values, ignored ...string) (*Resource, error) {
	k, err := kindOf(typ)
	if err != nil {
		return nil, err
	}
	r := c.get(typ, id)
	if r == nil {
		return nil, fmt.Errorf("googleapi: Error 404: The resource '%s' was not found, notFound", id)
	}
	unlock := c.exclusive(r)
	defer unlock()
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
	if k.outputs != nil {
		for name, value := range k.outputs(r.Inputs) {
			r.Outputs[name] = value
		}
	}
	for path, value := range k.filledIn(r.Inputs) {
		r.Outputs.set(path, value)
	}
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

// refused is Google's immediate error for an update.
func (c *Cloud) refused(k kind, r *Resource, in Values) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.refuses != nil {
		if err := k.refuses(c, r, in); err != nil {
			return err
		}
	}
	if k.check != nil {
		return k.check(c, in)
	}
	return nil
}
