package kube

import (
	"context"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"sglang-tpu/emulator/internal/proc"
)

// restartPause is the delay before a component of the control plane is restarted.
const restartPause = time.Second

// run starts a component of the control plane and, as GKE does, restarts it whenever it exits
// before stop.
func (c *controlPlane) run(name string, args []string, env ...string) (*proc.Process, error) {
	p, err := c.launch(name, args, env)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	at := len(c.processes)
	c.processes = append(c.processes, p)
	c.mu.Unlock()
	go c.supervise(at, p, name, args, env)
	return p, nil
}

func (c *controlPlane) launch(name string, args, env []string) (*proc.Process, error) {
	cmd := exec.Command(filepath.Join(c.layout.Bin(), name), args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), env...)
	return proc.Start(cmd, c.file(name+".log"))
}

// supervise restarts the process with an index in processes whenever it exits.
func (c *controlPlane) supervise(at int, p *proc.Process, name string, args, env []string) {
	for {
		<-p.Done()
		time.Sleep(restartPause)
		c.mu.Lock()
		if c.stopped {
			c.mu.Unlock()
			return
		}
		log.Printf("cluster %s: %s exited and is restarted", c.Name, name)
		again, err := c.launch(name, args, env)
		if err != nil {
			log.Printf("cluster %s: %s: %v", c.Name, name, err)
			c.mu.Unlock()
			return
		}
		p, c.processes[at] = again, again
		c.mu.Unlock()
	}
}

// end stops the processes in reverse order of their start.
func (c *controlPlane) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for i := len(c.processes) - 1; i >= 0; i-- {
		c.processes[i].Stop(context.Background(), 5*time.Second)
	}
	c.processes = nil
}
