// Command mutant is the program with a mistake, or as another version: it changes what the
// program registers on the way to the engine, as mutations.json says. In a copy of the program,
// it takes the place of main.go.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/stacks"
)

// mutation changes one property of each resource of a type.
type mutation struct {
	Type string
	// Path leads to the property; * is every element. Values are texts: one takes the
	// property's place, more are added to a list, none removes it.
	Path   []string
	Values []string
}

func main() {
	var endpoint stacks.Endpoint
	pulumi.Run(func(ctx *pulumi.Context) error {
		var mutations []mutation
		text, err := os.ReadFile("mutations.json") // beside the program, which Pulumi starts there
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &mutations); err != nil {
			return err
		}
		err = ctx.RegisterResourceTransform(func(_ context.Context, args *pulumi.ResourceTransformArgs) *pulumi.ResourceTransformResult {
			for _, m := range mutations {
				if args.Type == m.Type {
					m.change(args.Props, m.Path)
				}
			}
			return &pulumi.ResourceTransformResult{Props: args.Props, Opts: args.Opts}
		})
		if err != nil {
			return err
		}
		return endpoint.Serving(ctx)
	})
	if err := endpoint.Await(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// change goes down a path. What is not there is left alone.
func (m mutation) change(here pulumi.Input, path []string) {
	switch in := here.(type) {
	case pulumi.Map:
		for key := range in {
			if path[0] != "*" && path[0] != key {
				continue
			}
			if len(path) > 1 {
				m.change(in[key], path[1:])
				continue
			}
			switch list, isList := in[key].(pulumi.Array); {
			case len(m.Values) == 0:
				delete(in, key)
			case isList:
				for _, value := range m.Values {
					list = append(list, pulumi.String(value))
				}
				in[key] = list
			default:
				in[key] = pulumi.String(m.Values[0])
			}
		}
	case pulumi.Array:
		for _, element := range in {
			m.change(element, path[1:])
		}
	}
}
