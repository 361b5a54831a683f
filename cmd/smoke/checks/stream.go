package checks

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"time"
)

// mostEvents is far more than the events of an answer of so many tokens.
const mostEvents = 50 * tokens

var (
	errEndless  = fmt.Errorf("the stream has not ended after %d events, for %d tokens", mostEvents, tokens)
	errWithout  = errors.New("the stream ends without [DONE]")
	errNoStream = errors.New("the answer is no stream of events")
)

// events sends a request and calls each for the data of every server-sent event but the
// last, which must be [DONE]. It returns how many there were. The whole stream is bounded by
// the patience, and by a number of events.
func (q *questions) events(ctx context.Context, url string, body any, each func(event []byte) error) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.patience)
	defer cancel()
	response, err := send(ctx, url, q.key, body)
	if err != nil {
		return 0, q.late(err)
	}
	defer response.Body.Close()
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "text/event-stream" {
		return 0, errNoStream
	}
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
		if n++; n > mostEvents {
			return n, errEndless
		}
		// The server has sent 200 by then, so an error is an event (http_server.py).
		var failed struct {
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(data, &failed); err != nil {
			return n, fmt.Errorf("an event is not JSON: %s", excerpt(string(data)))
		}
		if len(failed.Error) > 0 && string(failed.Error) != "null" {
			return n, fmt.Errorf("the stream has an error: %s", excerpt(string(failed.Error)))
		}
		if err := each(data); err != nil {
			return n, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, context.DeadlineExceeded):
		return n, fmt.Errorf("the stream has not ended after %s, with %d events", q.patience, n)
	case err != nil:
		return n, err
	}
	return n, errWithout
}

// stream asks for the same answer as chat does, in parts.
func (q *questions) stream(ctx context.Context, base string) {
	began, first := time.Now(), time.Duration(0)
	text := ""
	n, err := q.events(ctx, base+"/v1/chat/completions", q.conversation(true), func(event []byte) error {
		if first == 0 {
			first = time.Since(began)
		}
		var part struct {
			Choices []struct {
				Delta said `json:"delta"`
			} `json:"choices"`
		}
		if err := json.Unmarshal(event, &part); err != nil {
			return err
		}
		for _, c := range part.Choices {
			text += c.Delta.Content + c.Delta.Reasoning
		}
		return nil
	})
	switch {
	case err != nil:
		q.failRequest(streamCheck, err)
	case text == "":
		q.fail(streamCheck, fmt.Sprintf("%d events hold no text", n), q.logs()+"; look at the parsers and the chat template in serverArguments")
	default:
		q.ok(streamCheck, "%d events, the first after %s, and [DONE]", n, first.Round(time.Millisecond))
	}
}
