// Package daemon implements the process that runs the emulated cloud.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/core/node"
	"sglang-tpu/emulator/internal/core/registry"
	"sglang-tpu/emulator/internal/counters"
	"sglang-tpu/emulator/internal/layout"
)

// minuteVar is the environment variable with the emulated duration of one minute on Google
// Cloud.
const (
	minuteVar     = "SGLANG_TPU_EMULATOR_MINUTE"
	defaultMinute = 100 * time.Millisecond
)

// Main runs the daemon until it gets a signal.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// daemon serves the HTTP API.
type daemon struct {
	layout   layout.Layout
	manager  *kube.Manager
	cloud    *cloud.Cloud
	registry string // address
	counters *counters.Counters
	injected injection.Set
}

func run(ctx context.Context) error {
	l, err := layout.FromEnv()
	if err != nil {
		return err
	}
	minute, err := minute()
	if err != nil {
		return err
	}
	for _, dir := range []string{l.Root, l.Run(), l.Tmp(), l.DaemonTmp(), l.ShellTmp(), l.Registry()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	// Write the process ID first, so that a command that is interrupted during the start can
	// stop the daemon.
	if err := os.WriteFile(l.PIDFile(), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return err
	}
	defer os.Remove(l.PIDFile())
	d, err := open(ctx, l, minute)
	if err != nil {
		return err
	}
	defer d.manager.StopAll()
	return d.serve(ctx)
}

func minute() (time.Duration, error) {
	text := os.Getenv(minuteVar)
	if text == "" {
		return defaultMinute, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s=%s is not a duration such as 100ms, the default", minuteVar, text)
	}
	return d, nil
}

// open loads the state from disk and resumes the clusters.
func open(ctx context.Context, l layout.Layout, minute time.Duration) (*daemon, error) {
	authority, err := kube.OpenAuthority(l.PKI(), l.TrustBundle())
	if err != nil {
		return nil, err
	}
	if _, err := kube.Token(l); err != nil {
		return nil, err
	}
	d := &daemon{layout: l}
	if d.counters, err = counters.Open(l.Counters()); err != nil {
		return nil, err
	}
	if d.cloud, err = cloud.Open(l.CloudFile(), minute); err != nil {
		return nil, err
	}
	images, err := registry.Open(l.Registry(), d.cloud)
	if err != nil {
		return nil, err
	}
	nodes := &node.Fleet{Layout: l, Images: images, Cloud: d.cloud}
	d.manager = &kube.Manager{Layout: l, CA: authority, Disks: d.cloud, Pools: d.cloud, Nodes: nodes.Start}
	d.cloud.Injected, d.manager.Injected = &d.injected, &d.injected
	d.cloud.Clusters, d.cloud.Buckets, d.cloud.Disks = d.manager, l.Buckets(), l.Disks()
	d.cloud.Lenient = os.Getenv(layout.EarlierVar) != ""
	d.cloud.RepositoryDeleted = func(path string) {
		if err := images.DeleteRepository(path); err != nil {
			log.Printf("registry: %v", err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d.registry = listener.Addr().String()
	server := &http.Server{Handler: images, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // runs until the process exits
	if err := d.cloud.Resume(ctx); err != nil {
		d.manager.StopAll()
		return nil, err
	}
	return d, nil
}

// serve serves the API on the socket until the context ends.
func (d *daemon) serve(ctx context.Context) error {
	if err := os.Remove(d.layout.Socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", d.layout.Socket())
	if err != nil {
		return fmt.Errorf("%w (a socket's path may be 107 bytes long; this one has %d)", err, len(d.layout.Socket()))
	}
	server := &http.Server{Handler: d.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}
