package socket

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Handle serves JSON requests; no body is the zero value. The text of an error is the
// answer, with status 400. What a request began goes on when its caller disconnects.
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

// Reply writes JSON. Its only error is a client that has disconnected.
func Reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
