package cloud

import (
	"os"
	"path/filepath"
	"strings"
)

// Disk is a persistent disk that the CSI driver provisioned for a PersistentVolumeClaim.
type Disk struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	SizeGiB int64  `json:"sizeGiB"`
}

// CreateDisk creates a disk. Like the CSI driver's CreateVolume, it is idempotent.
func (c *Cloud) CreateDisk(d Disk) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disks[d.Name] = d
	return c.save()
}

// DeleteDisk deletes a disk and its files. It is not an error if the disk does not exist.
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

// AttachError returns Compute Engine's error if a machine type does not support a disk type.
// The text is reported for other machine types that support only Hyperdisk.
func AttachError(diskType, machineType string) error {
	if tpuMachine.MatchString(machineType) && !strings.HasPrefix(diskType, "hyperdisk-") {
		return badRequest("%s disk type cannot be used by %s machine type.", diskType, machineType)
	}
	return nil
}
