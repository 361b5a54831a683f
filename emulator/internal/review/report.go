package review

import (
	"fmt"
	"slices"
	"sort"
)

// Report describes the consequences of a change for all environments.
type Report struct {
	Base         string        `json:"base"`
	Head         string        `json:"head"`
	Class        Class         `json:"class"`    // the worst of all environments
	Deletion     bool          `json:"deletion"` // something is deleted that cannot be recovered
	Labels       []string      `json:"labels"`
	Environments []Environment `json:"environments"` // the worst first
	// Unacknowledged are the values of the missing trailers.
	Unacknowledged []string `json:"unacknowledged,omitempty"`
	Acknowledged   []string `json:"acknowledged,omitempty"`
}

// Environment describes the consequences for one stack.
type Environment struct {
	Name      string   `json:"name"`
	Changed   bool     `json:"changed"`
	Protected bool     `json:"protected"` // before the change
	Class     Class    `json:"class"`
	Deletion  bool     `json:"deletion"`
	Counts    Counts   `json:"counts"`
	Chips     Chips    `json:"chips"`
	Downtime  Downtime `json:"downtime"`
	Items     []Item   `json:"items,omitempty"`
	Plan      []Row    `json:"plan,omitempty"`
	Notes     []string `json:"notes,omitempty"`    // without consequences
	Warnings  []string `json:"warnings,omitempty"` // of the program and the engine
	Errors    []string `json:"errors,omitempty"`   // why the preview failed
	Refusals  []string `json:"refusals,omitempty"` // protected resources that pulumi up would refuse to delete
}

// Counts are numbers of resources as Pulumi counts them, including components.
type Counts struct {
	Created  int `json:"created"`
	Changed  int `json:"changed"`
	Replaced int `json:"replaced"`
	Deleted  int `json:"deleted"`
}

// Chips are numbers of chips of all slices.
type Chips struct {
	Before      int `json:"before"`
	After       int `json:"after"`
	Interrupted int `json:"interrupted"` // stop serving, and continue later or are requested again
}

// Item describes the consequences of the change of one resource.
type Item struct {
	Resource string   `json:"resource"` // type and name in the program
	Op       Op       `json:"op"`
	Class    Class    `json:"class"`
	Deletion bool     `json:"deletion,omitempty"`
	Caution  bool     `json:"caution,omitempty"`
	Sentence string   `json:"sentence"`
	Changes  []Change `json:"changes,omitempty"`
}

// dangerous reports whether the item is in the first list of the report.
func (i Item) dangerous() bool { return i.Deletion || i.Caution || i.Class > None }

// Of returns the report of one environment from its preview. protected are the URNs of
// resources whose protection was removed before the preview; see sandbox.Unprotect.
func Of(name string, p Preview, protected []string) Environment {
	e := Environment{Name: name, Warnings: p.Warnings, Errors: p.Errors}
	for i, s := range p.Steps {
		if s.Old != nil && (slices.Contains(protected, string(s.URN)) || slices.Contains(protected, s.Old.URN)) {
			old := *s.Old
			old.Protect = true
			p.Steps[i].Old = &old
		}
	}
	steps, renamed := recreated(p.Steps)
	f := gather(steps)
	for _, s := range steps {
		if s.Old != nil && s.Old.Protect && s.real() {
			e.Protected = true
		}
		e.count(s.Op)
		if s.real() && s.Op != Same {
			i := item(s, f)
			e.Items = append(e.Items, i)
			if s.refused() {
				e.Refusals = append(e.Refusals, i.Resource)
			}
		}
	}
	e.Items = append(e.Items, protection(steps)...)
	for _, i := range e.Items {
		e.Class = max(e.Class, i.Class)
		e.Deletion = e.Deletion || i.Deletion
	}
	if len(e.Errors) > 0 {
		e.Class = Failed
	}
	if renamed > 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("%d resources were renamed in the program and have aliases: nothing happens to them", renamed))
	}
	sort.SliceStable(e.Items, func(i, j int) bool { return e.Items[i].rank() > e.Items[j].rank() })
	e.Changed = len(e.Items)+len(e.Errors)+len(e.Refusals) > 0
	e.Plan = f.rows()
	e.Chips = f.chips(steps, e.Items)
	e.Downtime = f.downtime(e.Class, steps)
	return e
}

// rank returns the rank by which items are sorted; higher ranks come first.
func (i Item) rank() int {
	rank := int(i.Class) * 100
	if i.Deletion {
		rank += 50
	}
	if i.Caution {
		rank += 20
	}
	return rank + map[Op]int{Replace: 4, Delete: 3, Update: 2, Create: 1}[i.Op]
}

func (e *Environment) count(op Op) {
	switch op {
	case Create:
		e.Counts.Created++
	case Update:
		e.Counts.Changed++
	case Replace:
		e.Counts.Replaced++
	case Delete:
		e.Counts.Deleted++
	}
}

// refused reports whether pulumi up would fail at the step: Pulumi does not delete protected
// resources, and replaces them only if the program no longer protects them.
func (s Step) refused() bool {
	return s.Old != nil && s.Old.Protect && (s.Op == Delete || s.Op == Replace && (s.renamedFrom != "" || s.New != nil && s.New.Protect))
}

// protection reports how many resources gain or lose Pulumi's protection from deletion, which
// is not part of the engine's events.
func protection(steps []Step) []Item {
	var items []Item
	gained, lost := 0, 0
	for _, s := range steps {
		if s.Old == nil || s.New == nil || !s.real() {
			continue
		}
		switch {
		case s.New.Protect && !s.Old.Protect:
			gained++
		case s.Old.Protect && !s.New.Protect:
			lost++
		}
	}
	if lost > 0 {
		items = append(items, Item{
			Resource: "protect", Op: Update, Caution: true,
			Sentence: fmt.Sprintf("Pulumi no longer protects %d resources: they can be replaced and destroyed", lost),
		})
	}
	if gained > 0 {
		items = append(items, Item{
			Resource: "protect", Op: Update,
			Sentence: fmt.Sprintf("Pulumi protects %d more resources from deletion", gained),
		})
	}
	return items
}

// Removed returns the report of an environment whose file was deleted.
func Removed(name string) Environment {
	return Environment{Name: name, Changed: true, Items: []Item{{
		Resource: "Pulumi." + name + ".yaml", Op: Delete, Caution: true,
		Sentence: "Pulumi." + name + ".yaml is removed: the stack itself remains, and costs money, until it is destroyed, which needs the file",
	}}}
}
