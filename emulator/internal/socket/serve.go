package socket

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Handle serves JSON requests; an empty body is the zero value. An error is returned as text
// with status 400. Operations continue if their caller disconnects.
func Handle[In any](do func(ctx context.Context, in In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		err := json.NewDecoder(r.Body).Decode(&in)
		var out any
		if err == nil || errors.Is(err, io.EOF) {
			out, err = do(context.WithoutCancel(r.Context()), in)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		Reply(w, out)
	}
}

// Act is Handle for work that has no answer but its error.
func Act[In any](do func(ctx context.Context, in In) error) http.HandlerFunc {
	return Handle(func(ctx context.Context, in In) (any, error) { return struct{}{}, do(ctx, in) })
}

// Show serves a value as JSON.
func Show[Out any](value func() Out) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { Reply(w, value()) }
}

// Reply writes JSON. It ignores errors, which occur only if the client has disconnected.
func Reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
