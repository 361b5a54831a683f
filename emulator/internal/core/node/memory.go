package node

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"sglang-tpu/emulator/internal/layout"
)

// inMemory writes a secret's value. The kubelet keeps secrets in tmpfs, so that they are never
// on disk. Here the file is a link to memory of this process.
func (p *pod) inMemory(file string, value []byte) error {
	fd, err := unix.MemfdCreate("secret", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	memory := os.NewFile(uintptr(fd), file)
	if _, err := memory.Write(value); err != nil {
		_ = memory.Close()
		return err
	}
	if err := layout.Link(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd), file+".new"); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.secrets == nil {
		p.secrets = map[string]*os.File{}
	}
	if old := p.secrets[file]; old != nil {
		_ = old.Close() // processes that have opened the link are not affected
	}
	p.secrets[file] = memory
	return nil
}

// forget frees the memory of the pod's secrets.
func (p *pod) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, memory := range p.secrets {
		_ = memory.Close()
	}
	p.secrets = nil
}
