package cloud

import (
	"context"
	"encoding/json"
	"net/http"
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
	serve := func(pattern string, do func(context.Context, Request) (*Resource, error)) {
		mux.HandleFunc("POST /cloud/"+pattern, func(w http.ResponseWriter, r *http.Request) {
			var req Request
			if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			// Google goes on with an operation when its caller goes away.
			c.underWay.RLock()
			resource, err := do(context.WithoutCancel(r.Context()), req)
			c.underWay.RUnlock()
			reply := Reply{Resource: resource}
			if err != nil {
				reply.Error = err.Error()
			}
			write(w, reply)
		})
	}
	serve("create", func(ctx context.Context, r Request) (*Resource, error) { return c.Create(ctx, r.Type, r.Inputs) })
	serve("update", func(ctx context.Context, r Request) (*Resource, error) {
		return c.Update(ctx, r.Type, r.ID, r.Inputs, r.Ignored...)
	})
	serve("delete", func(ctx context.Context, r Request) (*Resource, error) { return nil, c.Delete(ctx, r.Type, r.ID) })
	serve("read", func(_ context.Context, r Request) (*Resource, error) { return c.Read(r.Type, r.ID) })
	mux.HandleFunc("GET /cloud/resources", func(w http.ResponseWriter, _ *http.Request) { write(w, c.Resources()) })
	mux.HandleFunc("GET /cloud/find", func(w http.ResponseWriter, r *http.Request) {
		in := Values{}
		if err := json.Unmarshal([]byte(r.URL.Query().Get("inputs")), &in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// What a killed caller began comes to its end first.
		c.underWay.Lock()
		defer c.underWay.Unlock()
		found, err := c.Find(r.URL.Query().Get("type"), in)
		if err != nil || found == nil {
			found = &Resource{}
		}
		write(w, found)
	})
	mux.HandleFunc("GET /cloud/faults", func(w http.ResponseWriter, _ *http.Request) { write(w, c.Faults()) })
	mux.HandleFunc("POST /cloud/faults/take", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		write(w, Fault{Text: c.TakeFault(f.On, f.Match)})
	})
	mux.HandleFunc("POST /cloud/repair", func(w http.ResponseWriter, r *http.Request) {
		if err := c.RepairNode(context.WithoutCancel(r.Context()), r.URL.Query().Get("node")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		write(w, struct{}{})
	})
	mux.HandleFunc("POST /cloud/secrets", func(w http.ResponseWriter, r *http.Request) {
		var put struct{ Secret, Value string }
		err := json.NewDecoder(r.Body).Decode(&put)
		version := ""
		if err == nil {
			version, err = c.AddSecretVersion(put.Secret, put.Value)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		write(w, version)
	})
	mux.HandleFunc("POST /cloud/faults", func(w http.ResponseWriter, r *http.Request) {
		var faults []Fault
		if err := json.NewDecoder(r.Body).Decode(&faults); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.SetFaults(faults)
		write(w, faults)
	})
	return mux
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// The only error is a client that went away.
	_ = json.NewEncoder(w).Encode(v)
}
