package endpoint

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
)

var (
	errUnfinished = errors.New("the stream ends without [DONE]")
	errNoStream   = errors.New("the answer is not a stream of events")
)

// Events sends a request and calls each with the data of every server-sent event except the
// last, which must be [DONE]. It returns their number. The stream is limited by the patience,
// and to 50 events for each requested token.
func (c Client) Events(ctx context.Context, path string, body any, tokens int, each func(event []byte) error) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	response, err := c.send(ctx, path, body)
	if err != nil {
		return 0, c.late(err)
	}
	defer response.Body.Close()
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "text/event-stream" {
		return 0, errNoStream
	}
	most := 50 * tokens
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, mostBytes)
	for lines.Scan() {
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !found {
			continue // between events, or a field that is not used
		}
		data = bytes.TrimSpace(data)
		if string(data) == "[DONE]" {
			return n, nil
		}
		if n++; n > most {
			return n, fmt.Errorf("the stream has not ended after %d events, for %d tokens", most, tokens)
		}
		// The server has already sent status 200, so errors are events (http_server.py).
		var failed struct {
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(data, &failed); err != nil {
			return n, fmt.Errorf("an event is not JSON: %s", Excerpt(string(data)))
		}
		if len(failed.Error) > 0 && string(failed.Error) != "null" {
			return n, fmt.Errorf("the stream has an error: %s", Excerpt(string(failed.Error)))
		}
		if err := each(data); err != nil {
			return n, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, context.DeadlineExceeded):
		return n, fmt.Errorf("the stream has not ended after %s, with %d events", c.Patience, n)
	case err != nil:
		return n, err
	}
	return n, errUnfinished
}
