// Package review turns a preview of one environment into what a reviewer wants to know:
// what happens to the endpoint, to the chips and to what cannot be had back, in words.
//
// It is pure: it reads what Pulumi's engine said and knows the resources of this
// program by their types. Nothing is looked up anywhere.
package review

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Op is what happens to a resource.
type Op string

// The operations of a report. Replace is all of its steps together.
const (
	Same    Op = "same"
	Create  Op = "create"
	Update  Op = "update"
	Replace Op = "replace"
	Delete  Op = "delete"
)

// Preview is what the engine said of one environment.
type Preview struct {
	Steps    []Step
	Errors   []string // why the preview failed
	Warnings []string
}

// Step is everything that happens to one resource.
type Step struct {
	Op       Op
	URN      string
	Old, New *State // nil: there is none
	// Keys are the properties because of which it is replaced; Kinds are the changed paths
	// and whether each is an add, update or delete, with -replace if it forces one.
	Keys  []string
	Kinds map[string]string
	// DeletesFirst tells for a replacement that the old one goes before the new one is made.
	DeletesFirst bool

	renamedFrom string // the name of what it replaces, if that was another; see recreated
}

// State is a resource before or after. Secrets are masked by the engine.
type State struct {
	Type     string         `json:"type"`
	URN      string         `json:"urn"`
	ID       string         `json:"id"`
	Parent   string         `json:"parent"`
	Custom   bool           `json:"custom"`
	Protect  bool           `json:"protect"`
	Provider string         `json:"provider"`
	Inputs   map[string]any `json:"inputs"`
	Outputs  map[string]any `json:"outputs"`
}

// event is a line of `pulumi preview --json` with PULUMI_ENABLE_STREAMING_JSON_PREVIEW.
type event struct {
	Pre *struct {
		Metadata metadata `json:"metadata"`
	} `json:"resourcePreEvent"`
	Outputs *struct {
		Metadata metadata `json:"metadata"`
	} `json:"resOutputsEvent"`
	Diagnostic *struct {
		URN       string `json:"urn"`
		Prefix    string `json:"prefix"`
		Message   string `json:"message"`
		Severity  string `json:"severity"`
		Ephemeral bool   `json:"ephemeral"`
	} `json:"diagnosticEvent"`
	Summary *json.RawMessage `json:"summaryEvent"`
}

type metadata struct {
	Op       string   `json:"op"`
	URN      string   `json:"urn"`
	Old      *State   `json:"old"`
	New      *State   `json:"new"`
	Keys     []string `json:"keys"`
	Detailed map[string]struct {
		Kind string `json:"diffKind"`
	} `json:"detailedDiff"`
}

// stackType is the resource that holds the stack's outputs.
const stackType = "pulumi:pulumi:Stack"

// Read reads what the engine said, a JSON event a line; other lines are skipped.
func Read(said []byte) (Preview, error) {
	var p Preview
	index := map[string]int{}
	finished := false
	lines := bufio.NewScanner(bytes.NewReader(said))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return p, fmt.Errorf("the preview's events: %w", err)
		}
		switch {
		case e.Pre != nil:
			p.add(index, e.Pre.Metadata)
		case e.Outputs != nil && strings.Contains(e.Outputs.Metadata.URN, "::"+stackType+"::"):
			// The stack's new outputs are known only at its end.
			if i, known := index[e.Outputs.Metadata.URN]; known {
				p.Steps[i].New = e.Outputs.Metadata.New
			}
		case e.Diagnostic != nil:
			p.diagnose(e.Diagnostic.Severity, e.Diagnostic.Message, e.Diagnostic.Ephemeral)
		case e.Summary != nil:
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

// noise is what the engine adds to an error that it has already said.
var noise = []string{"error: preview failed", "preview failed", "update failed", "resource registration failed"}

func (p *Preview) diagnose(severity, message string, ephemeral bool) {
	message = strings.TrimSpace(strip(message))
	if ephemeral || message == "" {
		return
	}
	switch severity {
	case "error":
		for _, n := range noise {
			if message == n {
				return
			}
		}
		p.Errors = append(p.Errors, message)
	case "warning":
		p.Warnings = append(p.Warnings, message)
	}
}

// strip removes the engine's colour marks, such as <{%reset%}>.
func strip(text string) string {
	for {
		from := strings.Index(text, "<{%")
		if from < 0 {
			return text
		}
		to := strings.Index(text[from:], "%}>")
		if to < 0 {
			return text
		}
		text = text[:from] + text[from+to+len("%}>"):]
	}
}

// add puts the steps of one resource together: a replacement is three of them.
func (p *Preview) add(index map[string]int, m metadata) {
	i, known := index[m.URN]
	if !known {
		i = len(p.Steps)
		index[m.URN] = i
		p.Steps = append(p.Steps, Step{Op: Same, URN: m.URN})
	}
	s := &p.Steps[i]
	switch m.Op {
	case "create", "import":
		s.Op = Create
	case "update":
		s.Op = Update
	case "delete":
		s.Op = Delete
	case "delete-replaced":
		// Before the new one is made, or after.
		s.DeletesFirst = s.DeletesFirst || s.Op == Same
		s.Op = Replace
	case "replace", "create-replacement", "import-replacement":
		s.Op = Replace
	case "same", "read", "refresh", "discard", "remove-pending-replace":
	default:
		s.Op = Update // better said too much
	}
	if m.Old != nil {
		s.Old = m.Old
	}
	if m.New != nil && m.Op != "delete-replaced" {
		s.New = m.New
	}
	if len(m.Keys) > 0 {
		s.Keys = m.Keys
	}
	for path, d := range m.Detailed {
		if s.Kinds == nil {
			s.Kinds = map[string]string{}
		}
		s.Kinds[path] = d.Kind
	}
}

// Type is the resource's type token.
func (s Step) Type() string {
	t := s.qualified()
	return t[strings.LastIndex(t, "$")+1:]
}

// Name is its name in the program.
func (s Step) Name() string { return s.URN[strings.LastIndex(s.URN, "::")+2:] }

// inside reports whether a component of that type is around the resource.
func (s Step) inside(component string) bool {
	return component == "" || strings.Contains("$"+s.qualified(), "$"+component+"$")
}

// qualified is the type with those of the components around it, joined by $.
func (s Step) qualified() string {
	parts := strings.SplitN(s.URN, "::", 4)
	if len(parts) < 4 {
		return ""
	}
	return parts[2]
}

// state is the newest there is.
func (s Step) state() *State {
	if s.New != nil {
		return s.New
	}
	return s.Old
}

// real reports whether it is more than a grouping in the program.
func (s Step) real() bool {
	at := s.state()
	return at != nil && at.Custom && !strings.HasPrefix(s.Type(), "pulumi:")
}
