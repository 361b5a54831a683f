// Package pulumitest runs a component with Pulumi's mocks and records all registrations,
// including options of the engine: provider, parent, dependencies, protect, ignoreChanges,
// deleteBeforeReplace, timeouts and aliases.
//
// Mocks do not check schemas and the order of resources; the emulator does.
package pulumitest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// Project and Stack are the names under which Run runs; see WithProject and WithStack.
const (
	Project = "sglang-tpu"
	Stack   = "test"
)

// patience is how long Await and During wait. Mocks answer at once, so only what never
// happens takes it; a test shortens it.
var patience = 10 * time.Second

// Graph has all registrations of a program.
type Graph struct {
	mu        sync.Mutex
	resources []Resource
	outputs   map[string]func(Resource) map[string]any
	during    map[string][]string
	answers   map[string]func(args map[string]any) (map[string]any, error)
	config    map[string]string
	project   string
	stack     string
	preview   bool
}

// Option changes the mocks or the environment of a run.
type Option func(*Graph)

// WithOutputs sets further outputs of every resource of a type.
func WithOutputs(typ string, outputs func(Resource) map[string]any) Option {
	return func(g *Graph) { g.outputs[typ] = outputs }
}

// During creates a resource, named by type and name as in Graph.Text, only when others are
// registered, which therefore do not wait for it. If one does, the run ends with an error.
func During(resource string, others ...string) Option {
	return func(g *Graph) { g.during[resource] = others }
}

// WithAnswer answers calls of a function of a provider, by its token.
func WithAnswer(token string, answer func(args map[string]any) (map[string]any, error)) Option {
	return func(g *Graph) { g.answers[token] = answer }
}

// WithProject runs the program in another project.
func WithProject(name string) Option {
	return func(g *Graph) { g.project = name }
}

// WithStack runs the program as another stack.
func WithStack(name string) Option {
	return func(g *Graph) { g.stack = name }
}

// Preview runs the program as in a preview.
func Preview(g *Graph) { g.preview = true }

// Run runs a program and returns its registrations.
func Run(t testing.TB, program pulumi.RunFunc, opts ...Option) *Graph {
	t.Helper()
	g, err := TryRun(program, nil, opts...)
	require.NoError(t, err)
	return g
}

// TryRun runs a program with configuration, which maps full keys to raw values. It returns the
// program's error and the registrations before it.
func TryRun(program pulumi.RunFunc, config map[string]string, opts ...Option) (*Graph, error) {
	g := &Graph{
		outputs: defaultOutputs(),
		during:  map[string][]string{},
		answers: map[string]func(map[string]any) (map[string]any, error){},
		config:  config,
		project: Project,
		stack:   Stack,
	}
	for _, opt := range opts {
		opt(g)
	}
	err := pulumi.RunErr(program, pulumi.WithMocks(g.project, g.stack, g), func(info *pulumi.RunInfo) {
		info.Config, info.DryRun = g.config, g.preview
	})
	return g, err
}

// Get returns the resource of a type and name. There must be exactly one.
func (g *Graph) Get(t testing.TB, typ, name string) Resource {
	t.Helper()
	var found []Resource
	var known []string
	for _, r := range g.All() {
		if r.Type == typ && r.Name == name {
			found = append(found, r)
		}
		known = append(known, r.Type+" "+r.Name)
	}
	require.Len(t, found, 1, "resources %s %s; registered are:\n%s", typ, name, strings.Join(known, "\n"))
	return found[0]
}

// All returns all registrations in the order in which they were received.
func (g *Graph) All() []Resource {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Resource(nil), g.resources...)
}

// OfType returns all registrations of a type.
func (g *Graph) OfType(typ string) []Resource {
	var found []Resource
	for _, r := range g.All() {
		if r.Type == typ {
			found = append(found, r)
		}
	}
	return found
}

// NewResource implements pulumi.MockResourceMonitor. Outputs are the inputs and those of
// WithOutputs.
func (g *Graph) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r := Resource{Type: args.TypeToken, Name: args.Name, Inputs: args.Inputs, RPC: args.RegisterRPC}
	if err := g.await(r); err != nil {
		return "", nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.resources = append(g.resources, r)
	outputs := args.Inputs.Copy()
	if more, ok := g.outputs[args.TypeToken]; ok {
		for key, value := range resource.NewPropertyMapFromMap(more(r)) {
			outputs[key] = value
		}
	}
	return args.Name + "-id", outputs, nil
}

// await returns when what During names for a resource is registered.
func (g *Graph) await(r Resource) error {
	others := g.during[r.Type+" "+r.Name]
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		others = slices.DeleteFunc(slices.Clone(others), func(other string) bool {
			return slices.ContainsFunc(g.All(), func(r Resource) bool { return r.Type+" "+r.Name == other })
		})
		if len(others) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s %s is not created yet, and these wait for it: %s", r.Type, r.Name, strings.Join(others, ", "))
		}
	}
}

// Call implements pulumi.MockResourceMonitor: it answers what WithAnswer says.
func (g *Graph) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	answer := g.answers[args.Token]
	if answer == nil {
		return nil, fmt.Errorf("no answer for a call of %s", args.Token)
	}
	values, err := answer(args.Args.Mappable())
	return resource.NewPropertyMapFromMap(values), err
}

// Await returns an output's value, and fails the test if it does not resolve. It may be called
// in or after the program.
func Await[T any](t testing.TB, output pulumi.Output) T {
	t.Helper()
	values := make(chan any, 1)
	output.ApplyT(func(v any) any { values <- v; return v })
	select {
	case v := <-values:
		typed, ok := v.(T)
		require.True(t, ok, "the output is a %T", v)
		return typed
	case <-time.After(patience):
		require.FailNow(t, "the output never resolved")
		panic("unreachable")
	}
}
