// Package socket is the client of the emulator's daemon, with HTTP over a Unix socket.
package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Client returns an HTTP client that connects to a socket, whatever the URL's host.
func Client(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			if err != nil {
				return nil, fmt.Errorf("the emulator is not running; start it with: bin/emulator start (%w)", err)
			}
			return conn, nil
		},
	}}
}

// Get decodes the daemon's JSON response into reply. If the daemon returns an error, its text
// is the error.
func Get(ctx context.Context, socket, path string, reply any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://emulator"+path, nil)
	if err != nil {
		return err
	}
	return Do(socket, req, reply)
}

// Post sends a JSON request; otherwise it is like Get.
func Post(ctx context.Context, socket, path string, request, reply any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://emulator"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	return Do(socket, req, reply)
}

// Do sends a request. If reply is nil, it discards the response.
func Do(socket string, req *http.Request, reply any) error {
	res, err := Client(socket).Do(req)
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err // without the URL, whose host has no meaning
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return errors.New(strings.TrimSpace(string(body)))
	case reply == nil:
		return nil
	}
	return json.Unmarshal(body, reply)
}
