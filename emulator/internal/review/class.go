package review

// Class is the effect of a change on the endpoint. Higher values are worse.
type Class int

// The classes in ascending order.
const (
	None           Class = iota // the endpoint keeps serving
	Rolling                     // pods restart one after the other; the endpoint keeps serving
	GroupRestart                // the endpoint stops, and restarts on the same chips
	SliceRebuild                // the endpoint stops; its slice is replaced
	ClusterRebuild              // everything is deleted and created again
	Failed                      // the preview fails, and pulumi up would, too
)

var classNames = []string{"none", "rolling", "group-restart", "slice-rebuild", "cluster-rebuild", "failed"}

// String is the name that labels and acknowledgements use.
func (c Class) String() string { return classNames[c] }

// MarshalText writes the name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// words describes the class in a sentence.
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

// short describes the class in a table.
func (c Class) short() string {
	return []string{"none", "rolling", "group restart", "slice rebuild", "cluster rebuild", "preview fails"}[c]
}
