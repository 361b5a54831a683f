package stacks

import (
	"path"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// adopt takes into the stack what somebody made by hand. Nothing of it is changed as long as
// it is named in the settings: the program's own inputs are ignored, because most clusters
// differ in something that would replace them.
//
// Pulumi imports a resource once. From then on it is in the state, and the option has no
// effect.
func (s *stack) adopt() error {
	if len(s.Adopt) == 0 {
		return nil
	}
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

// clusterName is what the cluster of this stack is called.
func (s *stack) clusterName() string {
	if id := s.Adopt["cluster"]; id != "" {
		return path.Base(id)
	}
	return s.cloud.Base
}

// clusterLocation is the region or zone of the cluster's control plane.
func (s *stack) clusterLocation() string {
	if parts := strings.Split(s.Adopt["cluster"], "/"); len(parts) > 3 {
		return parts[3]
	}
	return s.Region
}

// poolNames are the names of the node pools of the slices, where they are not all this
// program's; nil where they are.
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
