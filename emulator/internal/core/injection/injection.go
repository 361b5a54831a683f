// Package injection makes chosen requests of Pulumi's providers fail: those of the gcp provider to Google Cloud, and
// those of the Kubernetes provider to a cluster's API server.
package injection

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Operation is what the engine does with a resource.
type Operation string

// The operations of a provider. To the API server of Kubernetes create and update are the same request, a server-side
// apply, so there either matches both.
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
	// Lose does the work once and closes the connection without an answer; requests after it find no connection at all.
	Lose Effect = "lose"
	// LoseOnce is Lose for one request: the one after it is answered.
	LoseOnce Effect = "lose-once"
	// Hang does the work, and ends without an answer after the provider's patience. The work ends later still.
	Hang Effect = "hang"
	// HoldBefore does nothing and does not answer until the caller has gone.
	HoldBefore Effect = "hold-before"
	// HoldAfter does the work and does not answer until the caller has gone.
	HoldAfter Effect = "hold-after"
)

// Fault is the failure of one operation on one resource.
type Fault struct {
	Operation Operation `json:"operation"`
	// Resource is Google's id of the resource, or the path of an object on the API server.
	Resource string `json:"resource"`
	Effect   Effect `json:"effect"`
	// Status and Reason are the HTTP status and the reason of a Kubernetes error, and Text is the message of either. Only
	// Refuse and Hang have them.
	Status int    `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	Text   string `json:"text,omitempty"`
	// Hits is how many requests have met the fault.
	Hits int `json:"hits"`
}

// Set holds the faults that are in force. Its zero value has none.
type Set struct {
	mu     sync.Mutex
	faults []Fault
}

// Replace puts other faults in force, which nothing has met.
func (s *Set) Replace(faults []Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// Faults returns those in force, with what has met them.
func (s *Set) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Fault{}, s.faults...)
}

// Meet returns the fault of a request, with the number of those before it in Hits, and counts the request. It is nil for
// a request that does not fail. same reports whether two operations are the same request.
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

// patience is the provider's, scaled; late is how much longer than it the work of a Hang takes.
const (
	patience = 500 * time.Millisecond
	late     = time.Second
)

// Handle answers a request that has met a fault. refuse writes the fault's error. work does what the request asks for and
// returns what writes its answer; it is called with a context that outlives the caller, as Google goes on with what it
// has begun.
func (f *Fault) Handle(w http.ResponseWriter, r *http.Request, refuse func(), work func(context.Context) (answer func())) {
	beyond := context.WithoutCancel(r.Context())
	switch f.Effect {
	case Refuse:
		refuse()
	case Lose, LoseOnce:
		if f.Hits == 0 {
			work(beyond)
		}
		closeConnection(w)
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

// closeConnection ends a request without an answer, in either version of HTTP.
func closeConnection(http.ResponseWriter) { panic(http.ErrAbortHandler) }
