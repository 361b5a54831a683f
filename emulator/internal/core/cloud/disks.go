package cloud

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Disk is a persistent disk that the CSI driver made for a claim.
type Disk struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	SizeGiB int64  `json:"sizeGiB"`
}

// CreateDisk makes a disk. One that exists is no error, as for the CSI driver.
func (c *Cloud) CreateDisk(d Disk) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disks[d.Name] = d
	return c.save()
}

// DeleteDisk removes a disk and its files. A disk that does not exist is no error.
func (c *Cloud) DeleteDisk(name string) error {
	if c.Disks != "" {
		if err := os.RemoveAll(filepath.Join(c.Disks, name)); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.disks, name)
	return c.save()
}

// AttachError is Compute Engine's error for attaching a disk type to a machine type,
// reported for other machine types that take Hyperdisk alone;
// nil if they go together.
func AttachError(diskType, machineType string) error {
	if tpuMachine.MatchString(machineType) && !strings.HasPrefix(diskType, "hyperdisk-") {
		return fmt.Errorf("googleapi: Error 400: %s disk type cannot be used by %s machine type., badRequest", diskType, machineType)
	}
	return nil
}
