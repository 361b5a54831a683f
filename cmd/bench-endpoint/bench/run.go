package bench

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sglang-tpu/cmd/internal/endpoint"
)

// Run is a saved run. Each run has a separate file.
type Run struct {
	Date     time.Time     `json:"date"`
	Stack    string        `json:"stack"`
	Nodes    string        `json:"nodes"`   // machine type and operating system, as the nodes themselves say
	Image    string        `json:"image"`   // of the server
	Program  string        `json:"program"` // git's name of the commit of this program's checkout
	Replicas int           `json:"replicas"`
	Plan     endpoint.Plan `json:"plan"`    // of each group
	Through  string        `json:"through"` // how requests reached the server
	Load     Load          `json:"load"`
	Levels   []Level       `json:"levels"`
}

// The names of the files of runs are dates, so that they are sorted.
const (
	runName   = "20060102T150405Z"
	runSuffix = ".json"
)

// comparable reports whether two runs have the same stack, machine and load. They may differ in
// what a comparison is about, such as the image and the server's arguments.
func (r Run) comparable(other Run) bool {
	same := func(l Load) Load { l.Seed = 0; return l }
	return r.Stack == other.Stack && r.Nodes == other.Nodes && r.Replicas == other.Replicas && r.Through == other.Through &&
		r.Plan.Model == other.Plan.Model && r.Plan.Topology == other.Plan.Topology && same(r.Load) == same(other.Load)
}

// level returns the level with a number of concurrent requests.
func (r Run) level(atOnce int) (Level, bool) {
	i := slices.IndexFunc(r.Levels, func(l Level) bool { return l.AtOnce == atOnce })
	if i < 0 {
		return Level{}, false
	}
	return r.Levels[i], true
}

// best returns the level with the most output tokens per second.
func (r Run) best() Level {
	if len(r.Levels) == 0 {
		return Level{}
	}
	return slices.MaxFunc(r.Levels, func(a, b Level) int { return cmp.Compare(a.OutputPerSecond, b.OutputPerSecond) })
}

// capacity returns how many requests of the load all groups run concurrently, by the plan.
func (r Run) capacity() int {
	each := r.Plan.RequestsCap
	if size := r.Load.InputTokens + r.Load.OutputTokens; r.Plan.KVPoolTokens > 0 && size > 0 {
		each = min(each, r.Plan.KVPoolTokens/size)
	}
	return each * r.Replicas
}

// history reads the earlier runs of a folder, the oldest first. A missing folder has none.
func history(folder string) ([]Run, error) {
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var runs []Run
	for _, f := range files {
		if filepath.Ext(f.Name()) != runSuffix {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			return nil, err
		}
		var r Run
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("%s is not a saved run of this program: %w", filepath.Join(folder, f.Name()), err)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// Names of the files that show the last run.
const (
	tableName = "table.md"
	plotName  = "plot.svg"
)

// write saves a run in the folder and writes the page and the picture.
func write(folder string, r Run, earlier []Run) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	last := lastComparable(r, earlier)
	drawn, err := picture(r, last)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		r.Date.Format(runName) + runSuffix: append(text, '\n'),
		tableName:                          []byte(table(r, last, earlier)),
		plotName:                           drawn,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lastComparable returns the newest comparable run; nil if there is none.
func lastComparable(r Run, earlier []Run) *Run {
	for _, e := range slices.Backward(earlier) {
		if r.comparable(e) {
			return &e
		}
	}
	return nil
}
