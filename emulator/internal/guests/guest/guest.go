// Package guest has the code that the programs in pods share: their container, and their
// calls to the daemon.
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

// limit of a request to the daemon.
const limit = 10 * time.Second

// Container is where a program runs.
type Container struct {
	Socket string // of the daemon; empty outside of the emulator
	Pod    string // cluster/namespace/name
	Root   string // the folder that stands for "/"; empty: "/" itself
}

// FromEnv reads the variables that the emulated node sets.
func FromEnv() Container {
	return Container{Socket: os.Getenv("EMULATOR_SOCKET"), Pod: os.Getenv("EMULATOR_POD"), Root: os.Getenv("EMULATOR_ROOT")}
}

// Path is where an absolute path of the container is on this machine.
func (c Container) Path(path string) string {
	if c.Root == "" || !filepath.IsAbs(path) || path == c.Root || strings.HasPrefix(path, c.Root+"/") {
		return path
	}
	return filepath.Join(c.Root, path)
}

// Post sends JSON to the daemon and decodes its answer into reply, unless that is nil.
func (c Container) Post(path string, request, reply any) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return socket.Post(ctx, c.Socket, path, request, reply)
}

// Address asks the daemon for an address.
func (c Container) Address(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var found struct {
		Address string `json:"address"`
	}
	err := socket.Get(ctx, c.Socket, path, &found)
	return found.Address, err
}

// Resolve asks the cluster's DNS.
func (c Container) Resolve(host string) (string, error) {
	return c.Address("/resolve?" + url.Values{"pod": {c.Pod}, "host": {host}}.Encode())
}

// TakeFault uses up a fault that is set (see cloud.Fault) and returns its text; empty:
// there is none.
func (c Container) TakeFault(on, match string) (string, error) {
	var fault struct {
		Text string `json:"text"`
	}
	err := c.Post("/cloud/faults/take", map[string]string{"on": on, "match": match}, &fault)
	return fault.Text, err
}

// MayWrite asks whether the pod may write a file, which only a bucket ever refuses; the
// refusal is then Google's text.
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
