// Package socket is how pods' processes speak to the emulator's daemon.
package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Post sends JSON to the daemon that listens on a socket, and decodes its answer into
// reply unless that is nil. The text of a refusal is the error.
func Post(socket, path string, request, reply any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	res, err := client.Post("http://emulator"+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New(strings.TrimSpace(string(body)))
	}
	if reply == nil {
		return nil
	}
	return json.Unmarshal(body, reply)
}
