// Package review turns previews into a report that says what a change does to the endpoint, to
// its chips, and to data that cannot be recovered.
//
// It has no side effects. It reads the events of Pulumi's engine, and recognizes the resources
// of this program in them by their types.
package review

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Op is what happens to a resource.
type Op string

// The operations in a report. Replace combines all steps of a replacement.
const (
	Same    Op = "same"
	Create  Op = "create"
	Update  Op = "update"
	Replace Op = "replace"
	Delete  Op = "delete"
)

// Preview is the engine's preview of one environment.
type Preview struct {
	Steps    []Step
	Errors   []string // why the preview failed
	Warnings []string
}

// Step combines all steps of one resource in a preview.
type Step struct {
	Op       Op
	URN      resource.URN
	Old, New *State                          // nil if the resource does not exist
	Keys     []string                        // properties that force a replacement
	Diff     map[string]apitype.PropertyDiff // the provider's differences by path
	// DeletesFirst is true if a replacement deletes the old resource before it creates the new
	// one.
	DeletesFirst bool

	renamedFrom string // the old name of a resource that is replaced because of a rename; see recreated
}

// State is a resource before or after the change. The engine has masked its secrets.
type State = apitype.StepEventStateMetadata

// stackType is the resource that holds the stack's outputs.
const stackType = "pulumi:pulumi:Stack"

// Read reads the engine's events, one JSON object per line. It skips other lines.
func Read(events []byte) (Preview, error) {
	var p Preview
	index := map[string]int{}
	finished := false
	lines := bufio.NewScanner(bytes.NewReader(events))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		var e apitype.EngineEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return p, fmt.Errorf("the preview's events: %w", err)
		}
		switch {
		case e.ResourcePreEvent != nil:
			p.add(index, e.ResourcePreEvent.Metadata)
		case e.ResOutputsEvent != nil && e.ResOutputsEvent.Metadata.Type == stackType:
			// The stack's new outputs are only in its last event.
			if i, known := index[e.ResOutputsEvent.Metadata.URN]; known {
				p.Steps[i].New = e.ResOutputsEvent.Metadata.New
			}
		case e.DiagnosticEvent != nil:
			p.diagnose(e.DiagnosticEvent)
		case e.SummaryEvent != nil:
			finished = true
		}
	}
	if err := lines.Err(); err != nil {
		return p, fmt.Errorf("the preview's events: %w", err)
	}
	if !finished && len(p.Errors) == 0 {
		p.Errors = append(p.Errors, "the preview ended without a summary")
	}
	return p, nil
}

// noise lists messages that follow an error that was already reported.
var noise = []string{"error: preview failed", "preview failed", "update failed", "resource registration failed"}

func (p *Preview) diagnose(d *apitype.DiagnosticEvent) {
	message := strings.TrimSpace(colors.Never.Colorize(d.Message))
	if d.Ephemeral || message == "" {
		return
	}
	switch d.Severity {
	case "error":
		if !slices.Contains(noise, message) {
			p.Errors = append(p.Errors, message)
		}
	case "warning":
		p.Warnings = append(p.Warnings, message)
	}
}

// add merges the steps of one resource: a replacement has three.
func (p *Preview) add(index map[string]int, m apitype.StepEventMetadata) {
	i, known := index[m.URN]
	if !known {
		i = len(p.Steps)
		index[m.URN] = i
		p.Steps = append(p.Steps, Step{Op: Same, URN: resource.URN(m.URN)})
	}
	s := &p.Steps[i]
	switch m.Op {
	case apitype.OpCreate, apitype.OpImport:
		s.Op = Create
	case apitype.OpUpdate:
		s.Op = Update
	case apitype.OpDelete:
		s.Op = Delete
	case apitype.OpDeleteReplaced:
		// It comes before or after the create.
		s.DeletesFirst = s.DeletesFirst || s.Op == Same
		s.Op = Replace
	case apitype.OpReplace, apitype.OpCreateReplacement, apitype.OpImportReplacement:
		s.Op = Replace
	case apitype.OpSame, apitype.OpRead, apitype.OpRefresh, apitype.OpReadDiscard, apitype.OpRemovePendingReplace:
	default:
		s.Op = Update // an unknown operation may change something
	}
	if m.Old != nil {
		s.Old = m.Old
	}
	if m.New != nil && m.Op != apitype.OpDeleteReplaced {
		s.New = m.New
	}
	if len(m.Keys) > 0 {
		s.Keys = m.Keys
	}
	if s.Diff == nil && len(m.DetailedDiff) > 0 {
		s.Diff = map[string]apitype.PropertyDiff{}
	}
	maps.Copy(s.Diff, m.DetailedDiff)
}

// Type returns the resource's type token.
func (s Step) Type() string { return string(s.URN.Type()) }

// Name returns the resource's name in the program.
func (s Step) Name() string { return s.URN.Name() }

// inside reports whether a component of a type contains the resource; empty matches always.
func (s Step) inside(component string) bool {
	return component == "" || strings.Contains("$"+string(s.URN.QualifiedType()), "$"+component+"$")
}

// state returns the new state, or the old one if the resource is deleted.
func (s Step) state() *State {
	if s.New != nil {
		return s.New
	}
	return s.Old
}

// real reports whether the resource belongs to a provider, and is not a component.
func (s Step) real() bool {
	at := s.state()
	return at != nil && at.Custom && !strings.HasPrefix(s.Type(), "pulumi:")
}
