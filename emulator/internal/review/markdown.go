package review

import (
	"fmt"
	"slices"
	"strings"
)

// Mark is the first line of a report, which identifies the comment on a pull request.
const Mark = "<!-- sglang-tpu review -->"

// Markdown returns the report for a comment on a pull request or a terminal.
func (r Report) Markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s\n## What happens to each environment: `%s` to `%s`\n", Mark, r.Base, r.Head)
	line("| environment | endpoint | down, estimated | chips | created | changed | replaced | deleted |")
	line("|---|---|---|---|---|---|---|---|")
	for _, e := range r.Environments {
		line("%s", e.row())
	}
	r.acknowledgements(line)
	for _, e := range r.Environments {
		if e.Changed {
			e.section(line)
		}
	}
	line("\nPreviewed by Pulumi's engine: `%s` against the state of `%s`, which was brought up on the emulated GKE. "+
		"The minutes come from published or reported times, and assume that Google has the chips; quotas and prices are not considered.", r.Head, r.Base)
	return b.String()
}

func (r Report) acknowledgements(line func(string, ...any)) {
	if len(r.Unacknowledged) > 0 {
		line("\n**This has to be acknowledged** (review.yaml). Write this into the message of a commit:\n")
		for _, text := range r.Unacknowledged {
			line("    Review-Acknowledged: %s", text)
		}
	}
	for _, text := range r.Acknowledged {
		line("\nAcknowledged: %s.", text)
	}
}

func (e Environment) row() string {
	chips := fmt.Sprint(e.Chips.Before)
	if e.Chips.After != e.Chips.Before {
		chips = fmt.Sprintf("%d to %d", e.Chips.Before, e.Chips.After)
	}
	if e.Chips.Interrupted > 0 {
		chips += fmt.Sprintf(", %d interrupted", e.Chips.Interrupted)
	}
	if !e.Changed {
		if e.Chips.Before == 0 {
			chips = ""
		}
		return fmt.Sprintf("| %s | no change | | %s | | | | |", e.Name, chips)
	}
	what := e.Class.short()
	if e.Class == None {
		what = "keeps serving"
	}
	if e.Deletion {
		what += ", deletion"
	}
	if len(e.Refusals) > 0 {
		what += ", refused"
	}
	if e.Class > Rolling || e.Deletion {
		what = "**" + what + "**"
	}
	if len(e.Errors) > 0 {
		return fmt.Sprintf("| **%s** | %s | | | | | | |", e.Name, what)
	}
	return fmt.Sprintf("| **%s** | %s | %s | %s | %d | %d | %d | %d |", e.Name, what, e.Downtime, chips,
		e.Counts.Created, e.Counts.Changed, e.Counts.Replaced, e.Counts.Deleted)
}

func (e Environment) section(line func(string, ...any)) {
	line("\n### %s\n", e.Name)
	if len(e.Errors) == 0 {
		line("%s.", sentence(e.Class.words()))
	}
	list := func(title string, texts []string) {
		if len(texts) > 0 {
			line("\n**%s**\n", title)
			for _, text := range texts {
				line("- %s", strings.ReplaceAll(text, "\n", "\n  "))
			}
		}
	}
	list("The preview fails", e.Errors)
	if n := len(e.Refusals); n > 0 {
		list("Protection", []string{fmt.Sprintf("`pulumi up` refuses this: it would delete %d protected resources, such as %s. Set `protect` to false first, in a change of its own", n, code(e.Refusals[0]))})
	}
	var dangerous, changed []string
	created := map[string][]string{}
	for _, i := range e.Items {
		switch {
		case i.dangerous():
			dangerous = append(dangerous, i.lines())
		case i.Op == Create:
			typ, name, _ := strings.Cut(i.Resource, " ")
			kind := spaced(typ[strings.LastIndex(typ, ":")+1:])
			created[kind] = append(created[kind], name)
		default:
			changed = append(changed, i.lines())
		}
	}
	list("Read first", dangerous)
	list("Changes", changed)
	var byKind []string
	for kind, names := range created {
		slices.Sort(names)
		byKind = append(byKind, kind+" "+strings.Join(names, ", "))
	}
	slices.Sort(byKind)
	list("Created", byKind)
	list("Warnings", e.Warnings)
	list("Notes", e.Notes)
	e.plan(line)
}

// listed is the maximum number of listed properties of a resource.
const listed = 20

// lines returns the sentence and the list of changes that are not in it.
func (i Item) lines() string {
	text, rest := i.Sentence+".", 0
	for _, c := range i.Changes {
		words := c.Words()
		if strings.Contains(i.Sentence, words) {
			continue
		}
		if rest++; rest <= listed {
			text += "\n  - " + words
		}
	}
	if rest > listed {
		text += fmt.Sprintf("\n  - and %d more", rest-listed)
	}
	return text
}

func (e Environment) plan(line func(string, ...any)) {
	if len(e.Plan) == 0 || len(e.Errors) > 0 {
		return
	}
	line("\n| | before | after |\n|---|---|---|")
	for _, row := range e.Plan {
		after := row.After
		if after == row.Before {
			after = "same"
		} else {
			after = "**" + after + "**"
		}
		line("| %s | %s | %s |", row.Name, row.Before, after)
	}
}

// sentence capitalizes the first letter.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
