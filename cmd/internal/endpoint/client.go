package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// mostBytes is the maximum size of a response, and of an event of a stream.
const mostBytes = 1 << 20

// Client sends requests to a model server.
type Client struct {
	Base     string        // the server's URL, without a path
	Key      string        // the API key; empty for none
	Patience time.Duration // timeout of a request
	HTTP     *http.Client  // nil for the default
}

// StatusError is the error for a response whose status is not 200.
type StatusError struct {
	Code int
	Text string // the beginning of the body
}

func (e *StatusError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the server answers %d %s: %s", e.Code, http.StatusText(e.Code), e.Text), ": ")
}

// send sends a POST request, or a GET request if body is nil.
func (c Client) send(ctx context.Context, path string, body any) (*http.Response, error) {
	method, content := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, err
		}
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.Key)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096)) // possibly incomplete
		return nil, &StatusError{response.StatusCode, Excerpt(string(text))}
	}
	return response, nil
}

// Ask sends a POST request, or a GET request if body is nil, and decodes the JSON response into
// into, unless that is nil.
func (c Client) Ask(ctx context.Context, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	response, err := c.send(ctx, path, body)
	if err != nil {
		return c.late(err)
	}
	defer response.Body.Close()
	if into == nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, mostBytes))
	if err != nil {
		return c.late(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("the answer is not valid JSON of the expected form: %s", Excerpt(string(text)))
	}
	return nil
}

// late explains the error of a deadline.
func (c Client) late(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", c.Patience)
	}
	return err
}

// mostShown is the maximum length of an excerpt in characters.
const mostShown = 160

// Excerpt returns the beginning of a text in one line.
func Excerpt(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > mostShown {
		return string(runes[:mostShown]) + "..."
	}
	return string(runes)
}
