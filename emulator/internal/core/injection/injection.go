// Package injection makes selected requests of Pulumi's providers fail: requests of the gcp provider to Google
// Cloud, and of the Kubernetes provider to a cluster's API server.
package injection

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Operation is what the engine does with a resource.
type Operation string

// The operations of a provider. For a Kubernetes API server, create and update are the same request, a server-side
// apply, so each of them matches both.
const (
	Create Operation = "create"
	Read   Operation = "read"
	Update Operation = "update"
	Delete Operation = "delete"
)

// Effect is how a request fails.
type Effect string

const (
	// Refuse answers with an error and does nothing.
	Refuse Effect = "refuse"
	// Lose does the work once and closes the connection without an answer; later requests cannot connect at all.
	Lose Effect = "lose"
	// LoseOnce is Lose for one request; the next request is answered.
	LoseOnce Effect = "lose-once"
	// Hang does the work, but the provider's timeout ends the request before the work is done.
	Hang Effect = "hang"
	// HoldBefore does not do the work, and does not answer until the caller has
	// disconnected.
	HoldBefore Effect = "hold-before"
	// HoldAfter does the work, and does not answer until the caller has disconnected.
	HoldAfter Effect = "hold-after"
)

// Fault is the failure of one operation on one resource.
type Fault struct {
	Operation Operation `json:"operation"`
	// Resource is Google's ID of the resource, or the path of an object on the API server.
	Resource string `json:"resource"`
	Effect   Effect `json:"effect"`
	// Status and Reason are the HTTP status and the reason of a Kubernetes error; Text is the message of a Kubernetes or
	// Google error. They are used only with Refuse and Hang.
	Status int    `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	Text   string `json:"text,omitempty"`
	// Hits is the number of requests that the fault has affected.
	Hits int `json:"hits"`
}

// Set contains the active faults. Its zero value has none.
type Set struct {
	mu     sync.Mutex
	faults []Fault
}

// Replace replaces the active faults. The new ones have no hits.
func (s *Set) Replace(faults []Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// Faults returns the active faults, with their hits.
func (s *Set) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Fault{}, s.faults...)
}

// Meet returns the fault for a request and counts the request; nil if the request should not fail. Hits in the result is
// the number of earlier requests. same reports whether two operations are the same request.
func (s *Set) Meet(operation Operation, resource string, same func(a, b Operation) bool) *Fault {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := &s.faults[i]
		if f.Resource == resource && (f.Operation == operation || same != nil && same(f.Operation, operation)) {
			met := *f
			f.Hits++
			if f.Effect == LoseOnce && met.Hits > 0 {
				return nil
			}
			return &met
		}
	}
	return nil
}

// patience is the provider's timeout, scaled; late is how much longer the work of a Hang takes.
const (
	patience = 500 * time.Millisecond
	late     = time.Second
)

// Handle handles a request with a fault. refuse writes the fault's error. work carries the request out and returns a
// function that writes the answer; its context outlives the caller, because Google continues operations that it has
// started.
func (f *Fault) Handle(w http.ResponseWriter, r *http.Request, refuse func(), work func(context.Context) (answer func())) {
	beyond := context.WithoutCancel(r.Context())
	switch f.Effect {
	case Refuse:
		refuse()
	case Lose, LoseOnce:
		if f.Hits == 0 {
			work(beyond)
		}
		panic(http.ErrAbortHandler) // ends the request without an answer, in either version of HTTP
	case Hang:
		if f.Hits == 0 {
			go func() {
				time.Sleep(patience + late)
				work(beyond)
			}()
		}
		time.Sleep(patience)
		refuse()
	case HoldBefore:
		<-r.Context().Done()
	case HoldAfter:
		if f.Hits == 0 {
			work(beyond)
		}
		<-r.Context().Done()
	}
}
