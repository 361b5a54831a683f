package settings

import (
	"fmt"
	"strconv"

	"sglang-tpu/spec/storage"
)

const cacheKey = "sglang-tpu:cache"

func (l *loader) checkCache() {
	c := l.Cache
	if c.Mode == storage.GCS {
		l.onlyDefaults(c, cacheKey, "is allowed only with mode disk, and mode is gcs: a bucket has no size",
			"remove it, or run: pulumi config set --path "+cacheKey+".mode disk", "sizeGiB", "iops", "throughputMiB")
		return
	}
	if most := c.IOPS / 4; c.ThroughputMiB > most {
		l.found.Add(cacheKey+".throughputMiB", strconv.Itoa(c.ThroughputMiB),
			fmt.Sprintf("is more than a quarter of cache.iops (%d), which is the limit of Hyperdisk Balanced", c.IOPS),
			fmt.Sprintf("use at most %d, or raise cache.iops to %d", most, 4*c.ThroughputMiB))
	}
}

// checkSize rejects a volume that is too small for the weights, of which every host needs
// all.
func (l *loader) checkSize() {
	if weights := l.Model.RepositoryGiB; l.Cache.Mode == storage.DiskVolume && 0 < l.Cache.SizeGiB && l.Cache.SizeGiB <= weights {
		l.found.Add(cacheKey+".sizeGiB", strconv.Itoa(l.Cache.SizeGiB),
			fmt.Sprintf("does not hold the weights of %s, which are %d GiB on every host", l.ModelID, weights),
			fmt.Sprintf("use %d, or 0 for a size that fits", 2*weights))
	}
}
