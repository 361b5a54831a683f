package review

// Class is what a change does to the endpoint, from nothing to the worst.
type Class int

// The classes, in their order.
const (
	None           Class = iota // it keeps serving
	Rolling                     // pods restart one after the other; it keeps serving
	GroupRestart                // it stops, and starts again on the same chips
	SliceRebuild                // it stops; its slice is deleted and a new one is created
	ClusterRebuild              // everything is deleted and created again
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
		"none: the endpoint keeps serving",
		"rolling: pods restart one after the other, and the endpoint keeps serving",
		"group restart: the endpoint stops, and starts again on the same chips",
		"slice rebuild: the endpoint stops; its slice is deleted and a new one is created",
		"cluster rebuild: everything is deleted and created again",
		"the preview fails",
	}[c]
}

// short is the class in a table.
func (c Class) short() string {
	return []string{"none", "rolling", "group restart", "slice rebuild", "cluster rebuild", "preview fails"}[c]
}
