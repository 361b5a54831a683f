package cloud

import (
	"context"
	"net/http"

	"sglang-tpu/emulator/internal/socket"
)

// Request is what the provider plugin sends.
type Request struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Inputs Values `json:"inputs"`
	// Ignored are the program's ignoreChanges, for an update.
	Ignored []string `json:"ignored,omitempty"`
}

// Reply is what it gets. Resource may come beside an error: it exists all the same.
type Reply struct {
	Resource *Resource `json:"resource"`
	Error    string    `json:"error"`
}

// Handler serves the cloud's API below /cloud/.
func (c *Cloud) Handler() http.Handler {
	mux := http.NewServeMux()
	serve := func(name string, do func(context.Context, Request) (*Resource, error)) {
		mux.Handle("POST /cloud/"+name, socket.Handle(func(ctx context.Context, r Request) (any, error) {
			c.underWay.RLock()
			defer c.underWay.RUnlock()
			resource, err := do(ctx, r)
			reply := Reply{Resource: resource}
			if err != nil {
				reply.Error = err.Error()
			}
			return reply, nil
		}))
	}
	serve("create", func(ctx context.Context, r Request) (*Resource, error) { return c.Create(ctx, r.Type, r.Inputs) })
	serve("update", func(ctx context.Context, r Request) (*Resource, error) {
		return c.Update(ctx, r.Type, r.ID, r.Inputs, r.Ignored...)
	})
	serve("delete", func(ctx context.Context, r Request) (*Resource, error) { return nil, c.Delete(ctx, r.Type, r.ID) })
	serve("read", func(_ context.Context, r Request) (*Resource, error) { return c.Read(r.Type, r.ID) })
	mux.Handle("POST /cloud/lookup", socket.Handle(func(_ context.Context, r Request) (any, error) {
		answer, err := c.Lookup(r.Type, r.Inputs)
		reply := Reply{}
		if err != nil {
			reply.Error = err.Error()
		} else {
			reply.Resource = &Resource{Outputs: answer}
		}
		return reply, nil
	}))
	mux.Handle("POST /cloud/ground", socket.Handle(func(ctx context.Context, all []Request) (any, error) {
		c.underWay.RLock()
		defer c.underWay.RUnlock()
		return struct{}{}, c.Ground(ctx, all)
	}))
	mux.Handle("POST /cloud/ground/remove", socket.Handle(func(ctx context.Context, _ struct{}) (any, error) {
		return struct{}{}, c.RemoveGround(ctx)
	}))
	mux.HandleFunc("GET /cloud/described", func(w http.ResponseWriter, _ *http.Request) { socket.Reply(w, c.Described()) })
	mux.Handle("POST /cloud/find", socket.Handle(func(_ context.Context, r Request) (any, error) {
		// What a killed caller began is finished first.
		c.underWay.Lock()
		defer c.underWay.Unlock()
		found, err := c.Find(r.Type, r.Inputs)
		return Reply{Resource: found}, err
	}))
	mux.HandleFunc("GET /cloud/resources", func(w http.ResponseWriter, _ *http.Request) { socket.Reply(w, c.Resources()) })
	mux.HandleFunc("GET /cloud/faults", func(w http.ResponseWriter, _ *http.Request) { socket.Reply(w, c.Faults()) })
	mux.Handle("POST /cloud/faults", socket.Handle(func(_ context.Context, faults []Fault) (any, error) {
		c.SetFaults(faults)
		return faults, nil
	}))
	mux.Handle("POST /cloud/faults/take", socket.Handle(func(_ context.Context, f Fault) (any, error) {
		return Fault{Text: c.TakeFault(f.On, f.Match)}, nil
	}))
	mux.Handle("POST /cloud/repair", socket.Handle(func(ctx context.Context, node string) (any, error) {
		return struct{}{}, c.RepairNode(ctx, node)
	}))
	mux.Handle("POST /cloud/secrets", socket.Handle(func(_ context.Context, put struct{ Secret, Value string }) (any, error) {
		return c.AddSecretVersion(put.Secret, put.Value)
	}))
	return mux
}
