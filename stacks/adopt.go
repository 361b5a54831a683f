package stacks

import (
	"path"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// adopt imports an existing resource into the stack. As long as the settings name it, the
// resource is not changed: the program's inputs are ignored, because most clusters differ in
// something that would cause a replacement.
//
// Pulumi imports a resource once. From then on it is in the state, and the option has no
// effect.
func (s *stack) adopt() error {
	return s.ctx.RegisterStackTransformation(func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
		id, ok := s.Adopt[args.Name]
		// The components and the provider have the same names.
		if !ok || !strings.HasPrefix(args.Type, "gcp:container/") {
			return nil
		}
		opts := append(args.Opts, pulumi.Import(pulumi.ID(id)), pulumi.IgnoreChanges([]string{"*"}))
		return &pulumi.ResourceTransformationResult{Props: args.Props, Opts: opts}
	})
}

// clusterName returns the name of this stack's cluster.
func (s *stack) clusterName() string {
	if id := s.Adopt["cluster"]; id != "" {
		return path.Base(id)
	}
	return s.cloud.Base
}

// clusterLocation returns the region or zone of the cluster's control plane.
func (s *stack) clusterLocation() string {
	if parts := strings.Split(s.Adopt["cluster"], "/"); len(parts) > 3 {
		return parts[3]
	}
	return s.Region
}

// poolNames returns the names of the slices' node pools if some of them are existing ones;
// nil if the program creates all of them.
func (s *stack) poolNames() []string {
	if named := s.Cluster.Existing.NodePools; len(named) > 0 {
		return named
	}
	var names []string
	adopted := false
	for i := range s.Replicas {
		name := slicePrefix(s.cloud) + strconv.Itoa(i)
		if id := s.Adopt["slice-"+strconv.Itoa(i)]; id != "" {
			name, adopted = path.Base(id), true
		}
		names = append(names, name)
	}
	if !adopted {
		return nil
	}
	return names
}
