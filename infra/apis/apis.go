// Package apis enables the Google APIs that the stack calls.
package apis

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/projects"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/spec/prerequisites"
)

// Args describes the APIs to enable.
type Args struct {
	Project  string
	Optional []string // APIs that only some configurations use
}

// Services contains one projects.Service for each API. Destroy does not disable them,
// as gcp v8 would by default, because others may use the same project.
type Services struct{ component.Base }

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Services, error) {
	s := &Services{}
	if err := s.Register(ctx, "sglang-tpu:infra:Services", name, opts...); err != nil {
		return nil, err
	}
	for _, api := range slices.Concat(prerequisites.CommonAPIs(), args.Optional) {
		short, _, _ := strings.Cut(api, ".")
		enabled, err := projects.NewService(ctx, name+"-"+short, &projects.ServiceArgs{
			Project:          pulumi.String(args.Project),
			Service:          pulumi.String(api),
			DisableOnDestroy: pulumi.Bool(false),
		}, pulumi.Parent(s))
		if err != nil {
			return nil, err
		}
		s.Dependencies = append(s.Dependencies, enabled)
	}
	return s, s.RegisterOutputs(ctx, pulumi.Map{})
}
