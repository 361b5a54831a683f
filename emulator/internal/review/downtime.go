package review

import "fmt"

// Downtime is an estimated range of minutes in which no group serves. It assumes that Google
// has capacity.
type Downtime struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// Durations in minutes. They are published or reported; this project has measured none.
var (
	stop          = Downtime{0, 2}  // draining of requests
	podDownload   = Downtime{1, 3}  // pull of a new image
	cachedWeights = Downtime{1, 2}  // 61 GiB through GCS FUSE with its file cache
	perGiB        = 8.0 / 61        // at 140 MB/s
	compile       = Downtime{4, 30} // from only the first request to everything in advance
	compiled      = Downtime{0, 1}
	sliceDelete   = Downtime{2, 4}
	sliceCreate   = Downtime{3, 10}
	clusterDelete = Downtime{4, 6}
	clusterCreate = Downtime{6, 8}
	systemPool    = Downtime{1, 2}
	build         = Downtime{5, 8}
)

func (d Downtime) plus(others ...Downtime) Downtime {
	for _, o := range others {
		d.From, d.To = d.From+o.From, d.To+o.To
	}
	return d
}

func (d Downtime) String() string {
	if d.To == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f to %.0f min", d.From, d.To)
}

// downtime adds the durations of everything that must happen until a group serves again.
func (f facts) downtime(class Class, steps []Step) Downtime {
	if f.before.groups == 0 || f.after.groups == 0 || class < GroupRestart || class == Failed {
		return Downtime{}
	}
	start := f.start()
	if f.before.image != f.after.image {
		start = start.plus(podDownload)
	}
	switch class {
	case GroupRestart:
		return start.plus(stop)
	case SliceRebuild:
		return start.plus(stop, sliceDelete, sliceCreate, podDownload)
	default:
		all := start.plus(stop, sliceDelete, clusterDelete, clusterCreate, systemPool, podDownload)
		for _, s := range steps {
			if s.Type() == repository && (s.Op == Replace || s.Op == Create) {
				return all.plus(build)
			}
		}
		return all.plus(sliceCreate)
	}
}

// start returns the duration of loading and compiling.
func (f facts) start() Downtime {
	weights, code := cachedWeights, compile
	if !f.bucket {
		minutes := f.after.weightsGiB() * perGiB
		weights = Downtime{minutes, minutes}
	}
	if f.filled && f.compiled && !f.fetched {
		code = compiled
	}
	return weights.plus(code)
}
