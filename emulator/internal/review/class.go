package review

// Class is what a change does to the endpoint, from nothing to the worst.
type Class int

// The classes, in their order.
const (
	None           Class = iota // it goes on answering
	Rolling                     // pods restart one after the other; it goes on answering
	GroupRestart                // it stops, and starts again on the chips that it has
	SliceRebuild                // it stops, its chips are given back, and others are looked for
	ClusterRebuild              // everything is taken down and made again
	Failed                      // there is no preview: pulumi up would end with an error
)

var classNames = []string{"none", "rolling", "group-restart", "slice-rebuild", "cluster-rebuild", "failed"}

// String is the name that labels and acknowledgements use.
func (c Class) String() string { return classNames[c] }

// MarshalText writes the name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// words are for people.
func (c Class) words() string {
	return []string{
		"none: the endpoint goes on answering",
		"rolling: pods restart one after the other, and the endpoint goes on answering",
		"group restart: the endpoint stops, and starts again on the chips that it has",
		"slice rebuild: the endpoint stops, chips are given back, and others have to be found",
		"cluster rebuild: everything is taken down and made again",
		"the preview fails",
	}[c]
}

// short is the class in a table.
func (c Class) short() string {
	return []string{"none", "rolling", "group restart", "slice rebuild", "cluster rebuild", "preview fails"}[c]
}
