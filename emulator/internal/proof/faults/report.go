package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"sglang-tpu/emulator/internal/sandbox"
)

// result is one cell that was tried, or could not be.
type result struct {
	Stack     string `json:"stack"`
	Seed      uint64 `json:"seed"`
	Of        int    `json:"of"` // cells of the stack
	Resource  string `json:"resource"`
	Operation string `json:"operation"`
	Effect    string `json:"effect"`
	Error     string `json:"error,omitempty"`
	Met       bool   `json:"met"` // false: no request of the engine triggered the fault
	Cancel    bool   `json:"cancel,omitempty"`
	Remedy    remedy `json:"remedy,omitempty"` // before the next run
	End       remedy `json:"end"`
	Other     remedy `json:"other"`
	Explained bool   `json:"explained,omitempty"`
	Detail    string `json:"detail,omitempty"`
}

type results struct {
	all      []result
	recorded int
}

func (r *results) add(o outcome) {
	one := func(c cell) result {
		return result{
			Resource: c.target.name(), Operation: string(c.operation), Effect: string(c.effect), Error: c.fault.Text,
			End: o.end, Other: o.other, Detail: o.detail,
		}
	}
	for _, m := range o.met {
		line := one(m.cell)
		line.Met, line.Cancel, line.Remedy, line.Explained = true, m.cancel, m.remedy, o.explained()
		r.all = append(r.all, line)
	}
	for _, c := range o.missed {
		r.all = append(r.all, one(c))
	}
}

// record adds what is new to the file.
func (r *results) record(o options) error {
	if o.record == "" {
		return nil
	}
	file, err := os.OpenFile(o.record, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	write := json.NewEncoder(file)
	for ; r.recorded < len(r.all); r.recorded++ {
		line := r.all[r.recorded]
		line.Stack, line.Seed, line.Of = o.stack, o.seed, o.of
		if err := write.Encode(line); err != nil {
			return err
		}
	}
	return file.Close()
}

// untried leaves out the cells that a file of results has as tried and explained. A cell that no request met, or that
// nothing explains, is tried again: the command or the program may have been mended since.
func untried(all []cell, o options) ([]cell, error) {
	recorded, err := read(o.record)
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, r := range recorded {
		if r.Stack == o.stack && r.Met && r.Explained {
			known[r.Resource+" "+r.Operation+" "+r.Effect] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(c cell) bool {
		return known[c.target.name()+" "+string(c.operation)+" "+string(c.effect)]
	}), nil
}

// report prints what was found. Its error is a cell that nothing explains.
func (r *results) report(out io.Writer, all []cell, o options) error {
	tried, unexplained := 0, 0
	for _, c := range r.all {
		if c.Met {
			tried++
			if !c.Explained {
				unexplained++
				fmt.Fprintf(out, "faults: UNEXPLAINED %s %s of %s %s\n%s\n", c.Effect, c.Operation, c.Resource, c.Error, c.Detail)
			}
		}
	}
	fmt.Fprintf(out, "faults: %d of %d cells of %s tried with seed %d, %d unexplained\n", tried, len(all), o.stack, o.seed, unexplained)
	if unexplained > 0 {
		return sandbox.ExitCode(1)
	}
	return nil
}
