// Package component has the code that all components of this program share.
package component

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Base is embedded by every component, in the place of pulumi.ResourceState.
type Base struct {
	pulumi.ResourceState

	// Dependencies are the resources of the component that others wait for, with
	// pulumi.DependsOn. To depend on the component itself is not enough: its children may
	// be registered after a resource that depends on it, because both happen concurrently
	// (https://github.com/pulumi/pulumi/issues/7833).
	Dependencies []pulumi.Resource
}

// Register registers the component. It comes before the children, which have the component
// as their parent. The token is the component's type in Pulumi's state, such as
// sglang-tpu:infra:Cache: another one would be another resource.
//
// What is registered is the base, because the SDK looks for ResourceState only among the
// direct fields of what it is given. So it does not see the component's own fields, and a
// pulumi tag there would have no effect.
func (b *Base) Register(ctx *pulumi.Context, token, name string, opts ...pulumi.ResourceOption) error {
	return ctx.RegisterComponentResource(token, name, b, opts...)
}

// RegisterOutputs ends the component's registration. It comes after the children.
//
// The SDK's function does not return before the engine has registered the component, which
// waits for its dependencies and providers (awaitURN in RegisterResourceOutputs). The program
// would stand still meanwhile: no component that follows would be registered, although it
// needs nothing of this one. So it is called when that has happened. Its own errors are those
// of a program that has ended.
func (b *Base) RegisterOutputs(ctx *pulumi.Context, outputs pulumi.Map) error {
	b.URN().ApplyT(func(pulumi.URN) error { return ctx.RegisterResourceOutputs(b, outputs) })
	return nil
}
