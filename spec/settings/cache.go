package settings

import (
	"fmt"
	"strconv"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/storage"
)

const cacheKey = "sglang-tpu:cache"

func checkCache(c storage.Cache) problem.List {
	var found problem.List
	if c.Mode == storage.GCS {
		for _, n := range []struct {
			field string
			value int
		}{{"sizeGiB", c.SizeGiB}, {"iops", c.IOPS}, {"throughputMiB", c.ThroughputMiB}} {
			if n.value != 0 {
				found.Add(cacheKey+"."+n.field, strconv.Itoa(n.value), "is allowed only with mode disk, and mode is gcs: a bucket has no size",
					"remove it, or run: pulumi config set --path "+cacheKey+".mode disk")
			}
		}
		return found
	}
	if most := c.IOPS / 4; c.ThroughputMiB > most {
		found.Add(cacheKey+".throughputMiB", strconv.Itoa(c.ThroughputMiB),
			fmt.Sprintf("is more than a quarter of cache.iops (%d), which is the limit of Hyperdisk Balanced", c.IOPS),
			fmt.Sprintf("use at most %d, or raise cache.iops to %d", most, 4*c.ThroughputMiB))
	}
	return found
}

// checkSize rejects a volume that is too small for the weights, of which every host needs
// all.
func checkSize(c storage.Cache, id string, weightsGiB int) problem.List {
	if c.Mode != storage.DiskVolume || c.SizeGiB <= 0 || c.SizeGiB > weightsGiB {
		return nil
	}
	return problem.List{{
		Key: cacheKey + ".sizeGiB", Value: strconv.Itoa(c.SizeGiB),
		Why:    fmt.Sprintf("does not hold the weights of %s, which are %d GiB on every host", id, weightsGiB),
		Remedy: fmt.Sprintf("use %d, or 0 for a size that fits", 2*weightsGiB),
	}}
}
