// Package guest contains what the programs in pods share: it reads their container's
// environment and calls the daemon.
package guest

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/socket"
)

// limit is the timeout of requests to the daemon.
const limit = 10 * time.Second

// Container is the container in which a program runs.
type Container struct {
	Socket string // of the daemon; empty outside of the emulator
	Pod    string // cluster/namespace/name
	Root   string // the folder that is the container's root; empty means "/"
}

// FromEnv reads the environment variables that the emulated node sets.
func FromEnv() Container {
	return Container{Socket: os.Getenv("EMULATOR_SOCKET"), Pod: os.Getenv("EMULATOR_POD"), Root: os.Getenv("EMULATOR_ROOT")}
}

// Path converts an absolute path of the container to a path on this machine.
func (c Container) Path(path string) string {
	if c.Root == "" || !filepath.IsAbs(path) || path == c.Root || strings.HasPrefix(path, c.Root+"/") {
		return path
	}
	return filepath.Join(c.Root, path)
}

// Post sends JSON to the daemon and decodes the response into reply, unless that is nil.
func (c Container) Post(path string, request, reply any) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return socket.Post(ctx, c.Socket, path, request, reply)
}

// Address gets an address from the daemon.
func (c Container) Address(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var found struct {
		Address string `json:"address"`
	}
	err := socket.Get(ctx, c.Socket, path, &found)
	return found.Address, err
}

// Resolve resolves a host name with the cluster's DNS.
func (c Container) Resolve(host string) (string, error) {
	return c.Address("/resolve?" + url.Values{"pod": {c.Pod}, "host": {host}}.Encode())
}

// TakeFault uses a matching fault once (see cloud.Fault) and returns its text; empty if there
// is none.
func (c Container) TakeFault(on, match string) (string, error) {
	var fault struct {
		Text string `json:"text"`
	}
	err := c.Post("/cloud/faults/take", map[string]string{"on": on, "match": match}, &fault)
	return fault.Text, err
}

// MayWrite returns Google's error if the pod must not write a file in a bucket; empty if it
// may. Files outside of buckets may always be written.
func (c Container) MayWrite(path string) (refusal string, err error) {
	real, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	var answer struct {
		Refusal string `json:"refusal"`
	}
	err = c.Post("/bucket-write", map[string]string{"pod": c.Pod, "path": real}, &answer)
	return answer.Refusal, err
}
