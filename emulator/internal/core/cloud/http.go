package cloud

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/socket"
)

// Request is a request of the provider plugin.
type Request struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Inputs Values `json:"inputs"`
	// Ignored are the program's ignoreChanges, for an update.
	Ignored []string `json:"ignored,omitempty"`
}

// key identifies the resource to injected faults: its type and ID. The ID is empty if the
// inputs are invalid, which is reported later.
func (r Request) key() string {
	id := r.ID
	if id == "" {
		id, _ = ID(r.Type, r.Inputs)
	}
	return r.Type + " " + id
}

// Reply is the answer to a Request. It has both an error and a resource if the resource exists
// although the operation failed.
type Reply struct {
	Resource *Resource `json:"resource"`
	Error    string    `json:"error"`
	// Refused is true if the request was rejected, so that no operation started. The provider
	// retries some of these.
	Refused bool `json:"refused,omitempty"`
}

func reply(resource *Resource, err error) Reply {
	r := Reply{Resource: resource}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// Handler serves the cloud's API below /cloud/.
func (c *Cloud) Handler() http.Handler {
	mux := http.NewServeMux()
	serve := func(name injection.Operation, do func(context.Context, Request) (*Resource, error)) {
		mux.HandleFunc("POST /cloud/"+string(name), func(w http.ResponseWriter, r *http.Request) {
			var request Request
			if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body) // net/http reports a closed connection only after that
			work := func(ctx context.Context) (answer func()) {
				c.underWay.RLock()
				defer c.underWay.RUnlock()
				answered := reply(do(ctx, request))
				return func() { socket.Reply(w, answered) }
			}
			if f := c.Injected.Meet(name, request.key(), nil); f != nil {
				f.Handle(w, r, func() { socket.Reply(w, Reply{Error: f.Text, Refused: f.Effect == injection.Refuse}) }, work)
				return
			}
			work(context.WithoutCancel(r.Context()))()
		})
	}
	serve("create", func(ctx context.Context, r Request) (*Resource, error) { return c.Create(ctx, r.Type, r.Inputs) })
	serve("update", func(ctx context.Context, r Request) (*Resource, error) {
		return c.Update(ctx, r.Type, r.ID, r.Inputs, r.Ignored...)
	})
	serve("delete", func(ctx context.Context, r Request) (*Resource, error) { return nil, c.Delete(ctx, r.Type, r.ID) })
	serve("read", func(_ context.Context, r Request) (*Resource, error) { return c.Read(r.Type, r.ID) })
	mux.Handle("POST /cloud/lookup", socket.Handle(func(_ context.Context, r Request) (any, error) {
		outputs, err := c.Lookup(r.Type, r.Inputs)
		return reply(&Resource{Outputs: outputs}, err), nil
	}))
	mux.Handle("POST /cloud/ground", socket.Act(func(ctx context.Context, all []Request) error {
		c.underWay.RLock()
		defer c.underWay.RUnlock()
		return c.Ground(ctx, all)
	}))
	mux.Handle("POST /cloud/ground/remove", socket.Act(func(ctx context.Context, _ struct{}) error { return c.RemoveGround(ctx) }))
	mux.Handle("GET /cloud/described", socket.Show(c.Described))
	mux.Handle("POST /cloud/find", socket.Handle(func(_ context.Context, r Request) (any, error) {
		// Wait for operations whose caller was killed.
		c.underWay.Lock()
		defer c.underWay.Unlock()
		found, err := c.Find(r.Type, r.Inputs)
		return Reply{Resource: found}, err
	}))
	mux.Handle("GET /cloud/resources", socket.Show(c.Resources))
	mux.Handle("GET /cloud/faults", socket.Show(c.Faults))
	mux.Handle("POST /cloud/faults", socket.Handle(func(_ context.Context, faults []Fault) (any, error) {
		c.SetFaults(faults)
		return faults, nil
	}))
	mux.Handle("POST /cloud/faults/take", socket.Handle(func(_ context.Context, f Fault) (any, error) {
		return Fault{Text: c.TakeFault(f.On, f.Match)}, nil
	}))
	mux.Handle("POST /cloud/repair", socket.Act(c.RepairNode))
	mux.Handle("POST /cloud/preempt", socket.Act(c.Preempt))
	mux.Handle("POST /cloud/maintain", socket.Handle(func(ctx context.Context, m Maintenance) (any, error) { return c.Maintain(ctx, m) }))
	mux.Handle("POST /cloud/secrets", socket.Handle(func(_ context.Context, put struct{ Secret, Value string }) (any, error) {
		return c.AddSecretVersion(put.Secret, put.Value)
	}))
	return mux
}
