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

// Args says where to enable them.
type Args struct {
	Project  string
	Optional []string // APIs that only some configurations use
}

// Services makes one projects.Service for each API. They are never disabled again: a
// project is shared, and gcp v8 disables on destroy unless it is told otherwise.
type Services struct {
	component.Base
}

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
