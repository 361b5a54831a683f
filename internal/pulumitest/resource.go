package pulumitest

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

// Resource is the registration of a resource.
type Resource struct {
	Type   string
	Name   string
	Inputs resource.PropertyMap
	RPC    *pulumirpc.RegisterResourceRequest // nil for one that was read
}

// Value returns the value of an input, without marks of secrets, or nil. The path is Pulumi's,
// such as spec.containers[0].name or metadata.labels["app.kubernetes.io/name"]. An index may
// also be written as .0.
func (r Resource) Value(path string) any {
	value, _, ok := r.lookup(path)
	if !ok {
		return nil
	}
	return value.Mappable()
}

// Secret reports whether an input, or a value that contains it, is a secret.
func (r Resource) Secret(path string) bool {
	_, secret, ok := r.lookup(path)
	return ok && secret
}

func (r Resource) lookup(text string) (at resource.PropertyValue, secret, ok bool) {
	path, err := resource.ParsePropertyPath(text)
	if err != nil {
		return at, false, false
	}
	at = resource.NewObjectProperty(r.Inputs)
	for _, part := range path {
		switch {
		case at.IsObject():
			key, isKey := part.(string)
			if at, ok = at.ObjectValue()[resource.PropertyKey(key)]; !isKey || !ok {
				return at, secret, false
			}
		case at.IsArray():
			index, isIndex := part.(int)
			if key, isKey := part.(string); isKey {
				index, err = strconv.Atoi(key)
				isIndex = err == nil
			}
			if !isIndex || index < 0 || index >= len(at.ArrayValue()) {
				return at, secret, false
			}
			at = at.ArrayValue()[index]
		default:
			return at, secret, false
		}
		for at.IsSecret() {
			at, secret = at.SecretValue().Element, true
		}
	}
	return at, secret, true
}

// DependsOn reports whether a resource depends on a resource with a name, through dependsOn or
// an input.
func (r Resource) DependsOn(name string) bool {
	return slices.ContainsFunc(r.RPC.GetDependencies(), func(urn string) bool { return nameOf(urn) == name })
}

// Parent returns the name of the parent, which is the stack at the top.
func (r Resource) Parent() string { return nameOf(r.RPC.GetParent()) }

// Provider returns the name of the resource's provider; empty for a default provider.
func (r Resource) Provider() string {
	urn, _, found := cutLast(r.RPC.GetProvider(), "::") // URN::id
	if !found {
		return ""
	}
	return nameOf(urn)
}

// ProviderOf returns the name of the provider of a component's children for a package such as
// gcp or kubernetes.
func (r Resource) ProviderOf(pkg string) string {
	urn, _, _ := cutLast(r.RPC.GetProviders()[pkg], "::")
	return nameOf(urn)
}

// Protected reports whether Pulumi refuses to delete the resource.
func (r Resource) Protected() bool { return r.RPC.GetProtect() }

// IgnoresChanges lists the properties whose changes are ignored.
func (r Resource) IgnoresChanges() []string { return r.RPC.GetIgnoreChanges() }

// ReplacesOnChanges lists the properties whose changes replace the resource.
func (r Resource) ReplacesOnChanges() []string { return r.RPC.GetReplaceOnChanges() }

// DeletesBeforeReplace reports whether a replacement deletes the old resource first.
func (r Resource) DeletesBeforeReplace() bool { return r.RPC.GetDeleteBeforeReplace() }

// Aliases lists the former names of the resource.
func (r Resource) Aliases() []string {
	var names []string
	for _, alias := range r.RPC.GetAliases() {
		if urn := alias.GetUrn(); urn != "" {
			names = append(names, nameOf(urn))
		} else {
			names = append(names, alias.GetSpec().GetName())
		}
	}
	return names
}

// CreateTimeout returns the timeout of the create; 0 if there is none.
func (r Resource) CreateTimeout(t testing.TB) time.Duration {
	t.Helper()
	return timeout(t, r.RPC.GetCustomTimeouts().GetCreate())
}

// UpdateTimeout returns the timeout of updates; 0 if there is none.
func (r Resource) UpdateTimeout(t testing.TB) time.Duration {
	t.Helper()
	return timeout(t, r.RPC.GetCustomTimeouts().GetUpdate())
}

// DeleteTimeout returns the timeout of the delete; 0 if there is none.
func (r Resource) DeleteTimeout(t testing.TB) time.Duration {
	t.Helper()
	return timeout(t, r.RPC.GetCustomTimeouts().GetDelete())
}

func timeout(t testing.TB, text string) time.Duration {
	t.Helper()
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

func nameOf(urn string) string {
	_, name, _ := cutLast(urn, "::")
	return name
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
