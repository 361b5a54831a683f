package settings

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// What a pod's volume has when nothing is said.
const (
	defaultIOPS          = 10000
	defaultThroughputMiB = 1200
)

func (c Cache) orDefaults(repositoryGiB int) Cache {
	if c.Mode != Disk {
		return c
	}
	if c.SizeGiB == 0 {
		c.SizeGiB = max(200, 2*repositoryGiB)
	}
	if c.IOPS == 0 {
		c.IOPS = defaultIOPS
	}
	if c.ThroughputMiB == 0 {
		c.ThroughputMiB = defaultThroughputMiB
	}
	return c
}

func checkCache(c Cache) error {
	const key = "sglang-tpu:cache"
	var errs []error
	switch c.Mode {
	case Disk:
	case GCS:
		for _, n := range []struct {
			field string
			value int
		}{{"sizeGiB", c.SizeGiB}, {"iops", c.IOPS}, {"throughputMiB", c.ThroughputMiB}} {
			if n.value != 0 {
				errs = append(errs, invalid(key+"."+n.field, strconv.Itoa(n.value), "goes only with mode disk, and mode is gcs: a bucket has no size",
					"remove it, or run: pulumi config set --path "+key+".mode disk"))
			}
		}
		return errors.Join(errs...)
	default:
		return invalid(key+".mode", c.Mode, "is not a cache mode", "use gcs or disk")
	}
	c = Cache{Mode: c.Mode, SizeGiB: c.SizeGiB, IOPS: cmp.Or(c.IOPS, defaultIOPS), ThroughputMiB: cmp.Or(c.ThroughputMiB, defaultThroughputMiB)}
	errs = append(errs,
		inRange(key+".sizeGiB", c.SizeGiB, 0, 64<<10, "GiB"),
		inRange(key+".iops", c.IOPS, 3000, 160000, "operations per second"),
		inRange(key+".throughputMiB", c.ThroughputMiB, 140, 2400, "MiB per second"))
	if most := c.IOPS / 4; c.ThroughputMiB > most {
		errs = append(errs, invalid(key+".throughputMiB", strconv.Itoa(c.ThroughputMiB),
			fmt.Sprintf("is more than a quarter of cache.iops (%d), and Hyperdisk Balanced gives no more", c.IOPS),
			fmt.Sprintf("use at most %d, or raise cache.iops to %d", most, 4*c.ThroughputMiB)))
	}
	return errors.Join(errs...)
}

// checkSize refuses a volume that does not hold the weights, which every host has in full.
func (c Cache) checkSize(id string, weightsGiB int) error {
	if c.Mode != Disk || c.SizeGiB <= 0 || c.SizeGiB > weightsGiB {
		return nil
	}
	return invalid("sglang-tpu:cache.sizeGiB", strconv.Itoa(c.SizeGiB),
		fmt.Sprintf("does not hold the weights of %s, which are %d GiB on every host", id, weightsGiB),
		fmt.Sprintf("use %d, or 0 for a size that fits", 2*weightsGiB))
}

var gitRevision = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)

func checkRevision(revision string) error {
	if revision == "" || gitRevision.MatchString(revision) {
		return nil
	}
	return invalid("sglang-tpu:modelRevision", revision, "is not a revision of a repository", "use main, a tag, or a commit of the model's repository")
}
