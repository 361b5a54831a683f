package cloud

import (
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"sglang-tpu/emulator/internal/core/cloud/schema"
)

// lookup implements a provider function that reads one resource.
type lookup struct {
	kind string
	id   func(args Values) string
}

// lookups maps the tokens of functions to their implementations.
var lookups = map[string]lookup{
	"gcp:compute/getNetwork:getNetwork":       {networkKind, format("projects/%s/global/networks/%s", "project", "name")},
	"gcp:compute/getSubnetwork:getSubnetwork": {subnetKind, format("projects/%s/regions/%s/subnetworks/%s", "project", "region", "name")},
	"gcp:container/getCluster:getCluster":     {clusterKind, format("projects/%s/locations/%s/clusters/%s", "project", "location", "name")},
	"gcp:artifactregistry/getRepository:getRepository": {
		repositoryKind, format("projects/%s/locations/%s/repositories/%s", "project", "location", "repositoryId"),
	},
	"gcp:storage/getBucket:getBucket": {bucketKind, format("%s", "name")},
	"gcp:serviceaccount/getAccount:getAccount": {accountKind, func(args Values) string {
		name, project := args.text("accountId"), args.text("project")
		if account, domain, isEmail := strings.Cut(name, "@"); isEmail {
			name = account
			project = strings.TrimSuffix(domain, ".iam.gserviceaccount.com")
		}
		return accountID(Values{"accountId": name, "project": project})
	}},
}

// Lookup runs a function of the provider. The error for a missing resource is the one of the
// provider's data sources (container/data_source_google_container_cluster.go): "... not found".
func (c *Cloud) Lookup(token string, args Values) (Values, error) {
	l, ok := lookups[token]
	if !ok {
		return nil, fmt.Errorf("the emulated Google Cloud has no function %s, only those that this program uses (emulator/internal/core/cloud)", token)
	}
	id := l.id(args)
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.resources[l.kind+" "+id]
	if r == nil || r.Creating {
		return nil, fmt.Errorf("%s not found", id)
	}
	described := r.Outputs.clone()
	described["id"] = id
	maps.Copy(described, args)
	if l.kind == clusterKind {
		described["nodePools"] = c.describedPools(id)
	}
	return shape(schema.Function(token), described), nil
}

// describedPools returns a cluster's node pools; the caller holds mu.
func (c *Cloud) describedPools(cluster string) []any {
	pools := []any{}
	for _, r := range c.resources {
		if r.Type == nodePoolKind && r.Inputs.text("cluster") == cluster && !r.Creating {
			pool := r.Outputs.clone()
			if _, given := pool["nodeLocations"]; !given {
				pool["nodeLocations"] = []any{r.Inputs.text("location")}
			}
			pools = append(pools, map[string]any(pool))
		}
	}
	return pools
}

// shape converts a resource's outputs to a function's result: an object of the resource is a
// list with one element, under a plural name.
func shape(level []*schema.Property, described map[string]any) map[string]any {
	answer := map[string]any{}
	for _, p := range level {
		value := described[p.Name]
		if p.Kind == schema.List {
			if value == nil {
				value = described[singular(described, p.Name)]
			}
			if one := asMap(value); one != nil {
				value = []any{one}
			}
			all := []any{}
			for _, element := range asList(value) {
				if one := asMap(element); one != nil && p.Inside != nil {
					element = shape(p.Inside, one)
				}
				all = append(all, element)
			}
			value = all
		}
		if value != nil {
			answer[p.Name] = runtime.DeepCopyJSONValue(value)
		}
	}
	return answer
}

// singular returns the resource's key for a plural name of a function's result.
func singular(described map[string]any, plural string) string {
	for _, ending := range []struct{ from, to string }{{"ies", "y"}, {"s", ""}, {"es", ""}} {
		if stem, ok := strings.CutSuffix(plural, ending.from); ok && described[stem+ending.to] != nil {
			return stem + ending.to
		}
	}
	return plural
}
