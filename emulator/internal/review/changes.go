package review

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/sig"
	"k8s.io/apimachinery/pkg/util/sets"

	"sglang-tpu/emulator/internal/property"
)

// Change is a change of one property of a resource.
type Change struct {
	Property string `json:"property"`
	Old      string `json:"old"` // empty if it is not set
	New      string `json:"new"` // empty if it is not set
	// Replaces is true if this change forces a replacement of the resource.
	Replaces bool `json:"replaces,omitempty"`
}

const (
	masked = "[secret]"
	later  = "known later"

	longest = 100 // maximum length of a value in the report
)

// changes returns all differences between the inputs, and further ones that the provider
// reports.
func (s Step) changes() []Change {
	if s.Old == nil || s.New == nil {
		return nil
	}
	var found []Change
	compare("", any(s.Old.Inputs), any(s.New.Inputs), func(c Change) { found = append(found, c) })
	for _, path := range slices.Sorted(maps.Keys(s.Diff)) {
		if !reported(found, path) {
			old, now := at(s.Old.Outputs, path), at(s.New.Inputs, path)
			c := Change{Property: path, Old: show(old), New: show(now)}
			if c.Old == masked && strings.HasPrefix(string(s.Diff[path].Kind), "update") {
				c.New = masked // a secret that has another name in the inputs
			}
			found = append(found, c)
		}
	}
	for i := range found {
		found[i].Replaces = s.forced(found[i].Property)
	}
	return both(found)
}

// reported reports whether a path of the provider, or a path in or above it, is among the
// differences.
func reported(found []Change, path string) bool {
	return slices.ContainsFunc(found, func(c Change) bool { return related(plain(c.Property), plain(path)) })
}

// forced reports whether a change of a property forces the replacement.
func (s Step) forced(property string) bool {
	if s.Op != Replace {
		return false
	}
	for path, diff := range s.Diff {
		if strings.HasSuffix(string(diff.Kind), "-replace") && related(plain(property), plain(path)) {
			return true
		}
	}
	top, _, _ := strings.Cut(plain(property), ".")
	return len(s.Diff) == 0 && slices.Contains(s.Keys, top)
}

func related(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

var (
	quotedKey = regexp.MustCompile(`\["([^"]*)"\]`)
	// An index, or a flag or line number, which are indices for a provider.
	indexed = regexp.MustCompile(`\[[^\]]*\]| [^.\[]*`)
)

// plain removes indices, names in brackets and flags from a path, so that it can be compared
// with a provider's path.
func plain(path string) string {
	return strings.TrimPrefix(indexed.ReplaceAllString(quotedKey.ReplaceAllString(path, ".$1"), ""), ".")
}

// at returns the value at a provider's path. For a path into a secret it returns the secret.
func at(value any, path string) any { return property.At(value, path, marked) }

// compare reports every difference with its deepest path. It compares lists of named objects by
// name and lists of arguments by flag, so that an inserted element is only one difference.
func compare(path string, old, now any, report func(Change)) {
	if same(old, now) {
		return
	}
	oldMap, isMap := old.(map[string]any)
	newMap, isMapToo := now.(map[string]any)
	if isMap && isMapToo && !marked(oldMap) && !marked(newMap) {
		for _, key := range union(oldMap, newMap) {
			if !strings.HasPrefix(key, "__") { // metadata of the provider
				compare(property.Join(path, key), oldMap[key], newMap[key], report)
			}
		}
		return
	}
	oldList, isList := old.([]any)
	newList, isListToo := now.([]any)
	if isList && isListToo {
		compareLists(path, oldList, newList, report)
		return
	}
	if oldText, ok := old.(string); ok {
		if newText, ok := now.(string); ok && strings.Contains(oldText+newText, "\n") {
			report(text(path, oldText, newText))
			return
		}
	}
	report(Change{Property: path, Old: show(old), New: show(now)})
}

func compareLists(path string, old, now []any, report func(Change)) {
	bracket := func(name string) string { return path + "[" + name + "]" }
	if oldNamed, newNamed := named(old), named(now); oldNamed != nil && newNamed != nil {
		for _, name := range union(oldNamed, newNamed) {
			compare(bracket(name), oldNamed[name], newNamed[name], report)
		}
		return
	}
	if oldFlags, newFlags := flags(old), flags(now); oldFlags != nil && newFlags != nil {
		for _, name := range union(oldFlags, newFlags) {
			compare(path+" "+name, oldFlags[name], newFlags[name], report)
		}
		return
	}
	if len(old) != len(now) {
		report(Change{Property: path, Old: show(old), New: show(now)})
		return
	}
	for i := range old {
		compare(bracket(strconv.Itoa(i)), old[i], now[i], report)
	}
}

// nameKeys are the keys of an object in a list that may have its name.
var nameKeys = []string{"name", "rangeName", "key", "cidrBlock"}

// named returns the objects of a list by name; nil if not every element has a name of its own.
func named(list []any) map[string]any {
	found := map[string]any{}
	for _, element := range list {
		object, _ := element.(map[string]any)
		for _, key := range nameKeys {
			if name, ok := object[key].(string); ok {
				found[name] = element
				break
			}
		}
	}
	if len(found) != len(list) {
		return nil
	}
	return found
}

// flags returns the arguments of a command line by flag; nil if there are no flags.
func flags(list []any) map[string]any {
	found := map[string]any{}
	any := false
	for i := 0; i < len(list); i++ {
		flag, ok := list[i].(string)
		if !ok {
			return nil
		}
		if !strings.HasPrefix(flag, "--") {
			found["["+strconv.Itoa(i)+"]"] = flag
			continue
		}
		any = true
		value := "set"
		if i+1 < len(list) {
			if next, ok := list[i+1].(string); ok && !strings.HasPrefix(next, "--") {
				value, i = next, i+1
			}
		}
		if flag == "--opt" { // buildctl's --opt NAME=VALUE
			name, rest, _ := strings.Cut(value, "=")
			flag, value = flag+" "+name, rest
		}
		found[flag] = value
	}
	if !any {
		return nil
	}
	return found
}

// text returns the first line that differs in a text of several lines.
func text(path, old, now string) Change {
	oldLines, newLines := strings.Split(old, "\n"), strings.Split(now, "\n")
	for i := 0; ; i++ {
		was, is := "", ""
		if i < len(oldLines) {
			was = oldLines[i]
		}
		if i < len(newLines) {
			is = newLines[i]
		}
		if was != is {
			return Change{Property: fmt.Sprintf("%s, line %d", path, i+1), Old: show(strings.TrimSpace(was)), New: show(strings.TrimSpace(is))}
		}
	}
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func union(a, b map[string]any) []string { return sets.List(sets.KeySet(a).Union(sets.KeySet(b))) }

// marked reports whether an object is the engine's mark of a secret.
func marked(object map[string]any) bool { return object[sig.Key] == sig.Secret }

// show formats a value for the report; see hide.
func show(value any) string {
	switch v := hide(value).(type) {
	case nil:
		return ""
	case string:
		return shorten(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(value)
		}
		return shorten(string(text))
	}
}

// hide masks the secrets in a value, and what is not known yet.
func hide(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if marked(v) {
			return masked
		}
		shown := map[string]any{}
		for key, element := range v {
			shown[key] = hide(element)
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i, element := range v {
			shown[i] = hide(element)
		}
		return shown
	case string:
		if v == plugin.UnknownStringValue {
			return later
		}
	}
	return value
}

func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-3]) + "..."
	}
	return text
}

// The two pod templates of a LeaderWorkerSet usually change together.
const (
	leaderTemplate = "spec.leaderWorkerTemplate.leaderTemplate."
	workerTemplate = "spec.leaderWorkerTemplate.workerTemplate."
	eachTemplate   = "spec.leaderWorkerTemplate.*Template."
)

// both merges equal changes of both templates.
func both(all []Change) []Change {
	normal := func(c Change) Change {
		for _, prefix := range []string{leaderTemplate, workerTemplate} {
			if rest, ok := strings.CutPrefix(c.Property, prefix); ok {
				c.Property = eachTemplate + strings.NewReplacer("[sglang-leader]", "[*]", "[sglang-worker]", "[*]").Replace(rest)
			}
		}
		return c
	}
	count := map[Change]int{}
	for _, c := range all {
		count[normal(c)]++
	}
	var rest []Change
	done := map[Change]bool{}
	for _, c := range all {
		n := normal(c)
		if count[n] < 2 {
			rest = append(rest, c)
		} else if !done[n] {
			done[n] = true
			rest = append(rest, n)
		}
	}
	sort.SliceStable(rest, func(i, j int) bool { return rest[i].Replaces && !rest[j].Replaces })
	return rest
}
