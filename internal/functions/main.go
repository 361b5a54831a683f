// Command functions generates the result types of lookups for the emulator. It covers the gcp
// provider's lookups that the program calls, and reads their types from the provider's SDK. Run
// it in the checkout:
// go run ./internal/functions
package main

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/compute"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
)

// file is the emulator's file of these results. Package schema of the emulator describes the
// format.
const file = "emulator/internal/core/cloud/schema/functions.tsv"

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
	if err := os.WriteFile(file, []byte(rows()), 0o644); err != nil { //nolint:gosec // a file of the checkout
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// rows returns the content of the file.
func rows() string {
	var text strings.Builder
	for _, token := range slices.Sorted(maps.Keys(results)) {
		describe(&text, token, "", results[token])
	}
	return text.String()
}

// kinds maps Go kinds to those of the emulator's schema.
var kinds = map[reflect.Kind]string{
	reflect.Bool: "Bool", reflect.Int: "Int", reflect.Float64: "Float", reflect.String: "String", reflect.Map: "Map",
	reflect.Slice: "List", reflect.Struct: "Object",
}

func describe(text *strings.Builder, token, path string, t reflect.Type) {
	var fields []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("pulumi") != "" {
			fields = append(fields, f)
		}
	}
	slices.SortFunc(fields, func(a, b reflect.StructField) int { return strings.Compare(a.Tag.Get("pulumi"), b.Tag.Get("pulumi")) })
	for _, f := range fields {
		of, at := f.Type, path+f.Tag.Get("pulumi")
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		fmt.Fprintf(text, "%s\t%s\t%s\t\t\n", token, at, kinds[of.Kind()])
		if of.Kind() == reflect.Slice {
			of, at = of.Elem(), at+"[*]"
		}
		if of.Kind() == reflect.Struct {
			describe(text, token, at+".", of)
		}
	}
}
