package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/emulator/internal/pace"
)

// probes runs the probes of one run until it has ended: first the startup probe, then
// readiness and liveness.
func (c *container) probes(run *instance, ended <-chan struct{}) {
	if p := c.spec.StartupProbe; p != nil && run.process != nil {
		started := false
		c.watch(run, ended, "startup", p, func(ok bool) bool {
			started = ok
			return false
		})
		if !started {
			return
		}
	}
	c.mark(ended, func() { c.started = true })
	var both sync.WaitGroup
	if p := c.spec.LivenessProbe; p != nil && run.process != nil {
		both.Go(func() { c.watch(run, ended, "liveness", p, func(ok bool) bool { return ok }) })
	}
	if p := c.spec.ReadinessProbe; p != nil && run.process != nil {
		both.Go(func() {
			c.watch(run, ended, "readiness", p, func(ok bool) bool {
				c.mark(ended, func() { c.ready = ok })
				return true
			})
		})
	} else {
		c.mark(ended, func() { c.ready = true })
	}
	both.Wait()
}

// mark records the result of a probe, unless the run has ended.
func (c *container) mark(ended <-chan struct{}, change func()) {
	c.mu.Lock()
	select {
	case <-ended:
	default:
		if c.run != nil {
			change()
		}
	}
	c.mu.Unlock()
	c.pod.touch()
}

// watch repeats a probe. Each time a threshold is reached it calls settled, and it returns if
// that returns false. A failed startup or liveness probe ends the run.
func (c *container) watch(run *instance, ended <-chan struct{}, kind string, p *corev1.Probe, settled func(ok bool) bool) {
	wait := pace.Of(time.Duration(p.InitialDelaySeconds) * time.Second)
	good, bad := int32(0), int32(0)
	for {
		select {
		case <-ended:
			return
		case <-time.After(wait):
		}
		wait = pace.Of(time.Duration(max(1, p.PeriodSeconds)) * time.Second)
		err := c.ask(run, p)
		if err == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
			c.pod.event(corev1.EventTypeWarning, "Unhealthy", fmt.Sprintf("%s probe failed: %v", strings.ToUpper(kind[:1])+kind[1:], err))
		}
		switch {
		case err == nil && good >= max(1, p.SuccessThreshold):
			if !settled(true) {
				return
			}
		case err != nil && bad >= max(1, p.FailureThreshold):
			if kind != "readiness" {
				select {
				case run.kill <- kind + " probe":
				default:
				}
			}
			if !settled(false) {
				return
			}
		}
	}
}

// ask probes once.
func (c *container) ask(run *instance, p *corev1.Probe) error {
	limit := time.Duration(max(1, p.TimeoutSeconds)) * time.Second
	switch {
	case p.Exec != nil:
		out, err := c.execute(run, p.Exec.Command, limit)
		if err != nil {
			return fmt.Errorf("%w %s", err, strings.TrimSpace(string(out)))
		}
		return nil
	case p.TCPSocket != nil:
		port, err := c.port(p.TCPSocket.Port)
		if err != nil {
			return err
		}
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(c.pod.loopback, strconv.Itoa(port)), limit)
		if err != nil {
			return err
		}
		return conn.Close()
	case p.HTTPGet != nil:
		port, err := c.port(p.HTTPGet.Port)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(c.pod.ctx, limit)
		defer cancel()
		return get(ctx, "http://"+net.JoinHostPort(c.pod.loopback, strconv.Itoa(port))+p.HTTPGet.Path)
	default:
		return fmt.Errorf("probes of this type are not emulated")
	}
}

var probeClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "kube-probe/1.34")
	res, err := probeClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 10<<10)) // only the status matters
	if res.StatusCode >= 400 {
		return fmt.Errorf("HTTP probe failed with statuscode: %d", res.StatusCode)
	}
	return nil
}
