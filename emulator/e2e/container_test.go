package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// container is a process in its own namespaces, with a temporary file system in memory. When it
// ends, all of its mounts, processes and files disappear.
type container struct {
	Parent string            // an empty folder, over which the root is mounted
	Shared map[string]string // by path inside: files and folders of this machine
	Hosts  []string          // names that resolve to this container's loopback
	Trust  string            // file of this machine with the trusted certificates
	Probe  bool              // only check whether it can be created
}

// containerVar is the environment variable with the container's description.
const containerVar = "E2E_CONTAINER"

// systemFolders are the folders of this machine that programs need.
var systemFolders = []string{"usr", "bin", "sbin", "lib", "lib32", "lib64", "etc", "dev", "proc", "sys"}

// trustFiles are the files in which programs look for trusted certificates.
var trustFiles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// command returns a command that runs a program of this machine, which must call enter, in the
// container.
func (c container) command(program string, args ...string) (*exec.Cmd, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), containerVar+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	return cmd, nil
}

// enter changes the root of the container's first process.
func enter() (container, error) {
	var c container
	if err := json.Unmarshal([]byte(os.Getenv(containerVar)), &c); err != nil {
		return c, err
	}
	if err := loopbackUp(); err != nil {
		return c, fmt.Errorf("the loopback interface of a network namespace: %w", err)
	}
	root := c.Parent
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE); err != nil {
		return c, err
	}
	if err := mount("tmpfs", root, "tmpfs", 0); err != nil {
		return c, err
	}
	for _, name := range systemFolders {
		if err := bringIn("/"+name, filepath.Join(root, name)); err != nil {
			return c, err
		}
	}
	for inside, outside := range c.Shared {
		if err := bringIn(outside, filepath.Join(root, inside)); err != nil {
			return c, err
		}
	}
	hosts := filepath.Join(root, "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost "+strings.Join(c.Hosts, " ")+"\n"), 0o644); err != nil {
		return c, err
	}
	if err := mount(hosts, filepath.Join(root, "etc/hosts"), "", syscall.MS_BIND); err != nil {
		return c, err
	}
	for _, file := range trustFiles {
		if at, err := filepath.EvalSymlinks(file); err == nil && c.Trust != "" {
			if err := mount(c.Trust, filepath.Join(root, at), "", syscall.MS_BIND); err != nil {
				return c, err
			}
		}
	}
	return c, pivot(root)
}

// bringIn bind-mounts a file or folder of this machine, or copies a link.
func bringIn(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case info.IsDir():
		err = os.Mkdir(to, 0o755)
	default:
		var file *os.File
		if file, err = os.OpenFile(to, os.O_CREATE|os.O_EXCL, 0o755); err == nil {
			err = file.Close()
		}
	}
	if err != nil {
		return err
	}
	return mount(from, to, "", syscall.MS_BIND|syscall.MS_REC)
}

func mount(source, target, kind string, flags uintptr) error {
	if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
		return fmt.Errorf("mount of %s: %w", target, err)
	}
	return nil
}

// pivot makes a mounted folder the root, and unmounts the old root.
func pivot(root string) error {
	for _, dir := range []string{"tmp", "run", "old"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o777); err != nil {
			return err
		}
	}
	if err := syscall.PivotRoot(root, filepath.Join(root, "old")); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := syscall.Unmount("/old", syscall.MNT_DETACH); err != nil {
		return err
	}
	return os.Remove("/old")
}

func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket) //nolint:errcheck // it was never written to
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}
