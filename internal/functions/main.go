// Command functions generates the result types of lookups for the emulator. It covers the gcp
// provider's lookups that the program calls, and reads their types from the provider's SDK. Run
// it in the checkout:
// go run ./internal/functions
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/compute"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
)

// folder is the emulator's folder for these files.
const folder = "emulator/internal/core/cloud/schema/functions"

// results maps the tokens of functions to their result types.
var results = map[string]reflect.Type{
	"gcp:artifactregistry/getRepository:getRepository": reflect.TypeFor[artifactregistry.LookupRepositoryResult](),
	"gcp:compute/getNetwork:getNetwork":                reflect.TypeFor[compute.LookupNetworkResult](),
	"gcp:compute/getSubnetwork:getSubnetwork":          reflect.TypeFor[compute.LookupSubnetworkResult](),
	"gcp:container/getCluster:getCluster":              reflect.TypeFor[container.LookupClusterResult](),
	"gcp:serviceaccount/getAccount:getAccount":         reflect.TypeFor[serviceaccount.LookupAccountResult](),
	"gcp:storage/getBucket:getBucket":                  reflect.TypeFor[storage.LookupBucketResult](),
}

func main() {
	for name, text := range files() {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // files of the checkout
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// files returns the content of all files by their path in a checkout.
func files() map[string]string {
	all := map[string]string{}
	for token, result := range results {
		var text strings.Builder
		fmt.Fprintln(&text, token)
		describe(&text, result, 0)
		pkg, rest, _ := strings.Cut(strings.TrimPrefix(token, "gcp:"), "/")
		name, _, _ := strings.Cut(rest, ":")
		all[filepath.ToSlash(filepath.Join(folder, pkg+"."+name+".txt"))] = text.String()
	}
	return all
}

// kinds maps Go kinds to those of the emulator's schema.
var kinds = map[reflect.Kind]string{
	reflect.Bool: "bool", reflect.Int: "int", reflect.Float64: "float", reflect.String: "string", reflect.Map: "map",
	reflect.Slice: "list", reflect.Struct: "object",
}

func describe(text *strings.Builder, t reflect.Type, depth int) {
	var fields []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("pulumi") != "" {
			fields = append(fields, f)
		}
	}
	slices.SortFunc(fields, func(a, b reflect.StructField) int { return strings.Compare(a.Tag.Get("pulumi"), b.Tag.Get("pulumi")) })
	for _, f := range fields {
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		fmt.Fprintf(text, "%s%s %s\n", strings.Repeat("\t", depth), f.Tag.Get("pulumi"), kinds[of.Kind()])
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct {
			describe(text, of, depth+1)
		}
	}
}
