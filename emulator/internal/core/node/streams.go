package node

import (
	"context"
	"io"
	"net"
	"strconv"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
)

func (c *members) pod(namespace, name string) (*pod, error) {
	for _, p := range c.allPods() {
		if p.object.Namespace == namespace && p.object.Name == name {
			return p, nil
		}
	}
	return nil, errdefs.NotFound("pod \"" + name + "\" not found")
}

func (c *members) container(namespace, podName, name string) (*container, error) {
	p, err := c.pod(namespace, podName)
	if err != nil {
		return nil, err
	}
	for _, found := range p.containers {
		if found.spec.Name == name {
			return found, nil
		}
	}
	return nil, errdefs.NotFound("container \"" + name + "\" not found in pod \"" + podName + "\"")
}

// exec serves kubectl exec. Terminals are not supported: commands always get pipes.
func (c *members) exec(ctx context.Context, namespace, podName, name string, args []string, io api.AttachIO) error {
	found, err := c.container(namespace, podName, name)
	if err != nil {
		return err
	}
	run := found.current()
	if run == nil || run.process == nil {
		return errdefs.InvalidInput("container \"" + name + "\" has no process; its image is not emulated")
	}
	cmd, err := found.additional(ctx, run, args)
	if err != nil {
		return err
	}
	cmd.Stdin = io.Stdin()
	if out := io.Stdout(); out != nil {
		defer out.Close()
		cmd.Stdout, cmd.Stderr = out, out
	}
	if out := io.Stderr(); out != nil {
		defer out.Close()
		cmd.Stderr = out
	}
	return cmd.Run()
}

// attach is not emulated: processes write only to their log.
func (c *members) attach(context.Context, string, string, string, api.AttachIO) error {
	return errdefs.InvalidInput("attach is not emulated; use kubectl logs -f")
}

// portForward serves kubectl port-forward.
func (c *members) portForward(ctx context.Context, namespace, podName string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	p, err := c.pod(namespace, podName)
	if err != nil {
		return err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(p.loopback, strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer conn.Close()
	answered := make(chan error, 1)
	go func() {
		_, err := io.Copy(stream, conn)
		answered <- err
	}()
	go func() {
		_, _ = io.Copy(conn, stream) // the client may disconnect at any time
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	select {
	case err := <-answered:
		return err
	case <-ctx.Done():
		return nil
	}
}
