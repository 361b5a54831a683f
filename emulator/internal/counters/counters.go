// Package counters counts work that should not be repeated: downloads from the Hugging Face
// Hub, image builds and compilations.
package counters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/socket"
)

// Counts are the counts since the first start or the last reset.
type Counts struct {
	Hub     Hub     `json:"hub"`
	Builds  int     `json:"builds"` // images pushed
	Compile Compile `json:"compile"`
}

// Hub counts downloads from the Hugging Face Hub.
type Hub struct {
	Bytes        int64            `json:"bytes"`
	Downloads    int              `json:"downloads"` // of snapshots, if at least one byte was transferred
	ByRepository map[string]int64 `json:"byRepository"`
	ByPod        map[string]int64 `json:"byPod"` // cluster/namespace/name
}

// Compile counts lookups in the persistent compilation cache, one for each start of a rank.
type Compile struct {
	Hits   int `json:"hits"`
	Misses int `json:"misses"`
}

// Fetched reports downloaded bytes.
type Fetched struct {
	Pod        string `json:"pod"`
	Repository string `json:"repository"`
	Bytes      int64  `json:"bytes"`
	First      bool   `json:"first"` // the first report of this snapshot
}

// Compiled reports a lookup in the compilation cache.
type Compiled struct {
	Pod string `json:"pod"`
	Hit bool   `json:"hit"`
}

// Counters stores counts in a file.
type Counters struct {
	file string

	mu sync.Mutex
	c  Counts
}

// Open reads the counts; without a file they are zero.
func Open(file string) (*Counters, error) {
	c := &Counters{file: file}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		if err := json.Unmarshal(text, &c.c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return c, c.change(func(*Counts) {})
}

// change changes the counts and saves them.
func (c *Counters) change(how func(*Counts)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	how(&c.c)
	if c.c.Hub.ByRepository == nil {
		c.c.Hub.ByRepository = map[string]int64{}
	}
	if c.c.Hub.ByPod == nil {
		c.c.Hub.ByPod = map[string]int64{}
	}
	text, err := json.Marshal(c.c)
	if err != nil {
		return err
	}
	return layout.WriteFile(c.file, text, 0o600)
}

// Handler serves GET /counters, and POST for reports and resets.
func (c *Counters) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /counters", func(w http.ResponseWriter, _ *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		socket.Reply(w, c.c)
	})
	mux.Handle("POST /counters/reset", report(c, func(counts *Counts, _ struct{}) { *counts = Counts{} }))
	mux.Handle("POST /counters/hub", report(c, func(counts *Counts, f Fetched) {
		counts.Hub.Bytes += f.Bytes
		counts.Hub.ByRepository[f.Repository] += f.Bytes
		counts.Hub.ByPod[f.Pod] += f.Bytes
		if f.First {
			counts.Hub.Downloads++
		}
	}))
	mux.Handle("POST /counters/builds", report(c, func(counts *Counts, _ struct{}) { counts.Builds++ }))
	mux.Handle("POST /counters/compile", report(c, func(counts *Counts, f Compiled) {
		if f.Hit {
			counts.Compile.Hits++
		} else {
			counts.Compile.Misses++
		}
	}))
	return mux
}

// report handles a request that changes the counts.
func report[In any](c *Counters, count func(*Counts, In)) http.HandlerFunc {
	return socket.Act(func(_ context.Context, in In) error {
		return c.change(func(counts *Counts) { count(counts, in) })
	})
}
