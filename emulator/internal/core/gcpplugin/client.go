package gcpplugin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
)

// daemon asks the emulator over its socket.
type daemon struct{ http *http.Client }

func newDaemon(socket string) daemon {
	return daemon{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "unix", socket)
			if err != nil {
				return nil, fmt.Errorf("the emulated Google Cloud is not running; start it with: bin/emulator start (%w)", err)
			}
			return conn, nil
		},
	}}}
}

func (d daemon) post(ctx context.Context, path string, request, reply any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://emulator"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	res, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		return fmt.Errorf("the emulator answered %s to %s: %s", res.Status, path, body)
	}
	return json.NewDecoder(res.Body).Decode(reply)
}
