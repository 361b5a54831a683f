package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// stream sends the request of chat as a stream.
func (q *questions) stream(ctx context.Context, base string) {
	began, first := time.Now(), time.Duration(0)
	text := ""
	n, err := q.client(base).Events(ctx, "/v1/chat/completions", q.conversation(true), tokens, func(event []byte) error {
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
		q.fail(streamCheck, fmt.Sprintf("%d events hold no text", n), q.Logs()+"; look at the parsers and the chat template in serverArguments")
	default:
		q.ok(streamCheck, "%d events, the first after %s, and [DONE]", n, first.Round(time.Millisecond))
	}
}
