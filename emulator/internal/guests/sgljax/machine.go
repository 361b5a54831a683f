// Package sgljax behaves as sgl_jax.launch_server does at its edges: flags, devices,
// rendezvous, ports, HTTP, exit codes. It computes nothing that a model would.
package sgljax

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// machine is the host as the program sees it: its pod, its chips, its slice.
type machine struct {
	socket, pod, listen, root string
	chips                     int
	slice, topology           string
	patience                  time.Duration
}

func thisMachine() *machine {
	// No number is no chips.
	chips, _ := strconv.Atoi(os.Getenv("EMULATOR_TPU_CHIPS"))
	m := &machine{
		socket: os.Getenv("EMULATOR_SOCKET"), pod: os.Getenv("EMULATOR_POD"),
		listen: os.Getenv("EMULATOR_LISTEN"), root: os.Getenv("EMULATOR_ROOT"),
		chips: chips, slice: os.Getenv("EMULATOR_SLICE"), topology: os.Getenv("EMULATOR_TOPOLOGY"),
		patience: patience,
	}
	return m
}

// resolve asks the cluster's DNS.
func (m *machine) resolve(host string) (string, error) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", m.socket)
		},
	}}
	res, err := client.Get("http://emulator/resolve?" + url.Values{"pod": {m.pod}, "host": {host}}.Encode())
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", errors.New(strings.TrimSpace(string(body)))
	}
	var found struct {
		Address string `json:"address"`
	}
	return found.Address, json.Unmarshal(body, &found)
}

// path is where an absolute path of the container is.
func (m *machine) path(p string) string {
	if strings.HasPrefix(p, m.root) {
		return p
	}
	return filepath.Join(m.root, p)
}

// Getent is `getent ahostsv4 NAME`.
func Getent(args []string) int {
	if len(args) != 2 || args[0] != "ahostsv4" {
		fmt.Fprintln(os.Stderr, "getent: only ahostsv4 NAME is emulated")
		return 1
	}
	address, err := thisMachine().resolve(args[1])
	if err != nil {
		return 2
	}
	for _, typ := range []string{"STREAM " + args[1], "DGRAM", "RAW"} {
		fmt.Printf("%-15s %s\n", address, typ)
	}
	return 0
}
