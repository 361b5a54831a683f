// Package component contains the code that all components of this program share.
package component

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Base is embedded by every component, in the place of pulumi.ResourceState.
type Base struct {
	pulumi.ResourceState

	// Dependencies are the resources of the component for which others wait, with
	// pulumi.DependsOn. Depending on the component itself is not enough: its children may
	// be registered after a resource that depends on it, because both happen concurrently
	// (https://github.com/pulumi/pulumi/issues/7833).
	Dependencies []pulumi.Resource
}

// Register registers the component. Call it before registering the children, whose parent
// the component is. The token is the component's type in Pulumi's state, such as
// sglang-tpu:infra:Cache; a different token would be a different resource.
//
// It registers the base, because the SDK looks for ResourceState only among the direct
// fields of its argument. So the SDK does not see the component's other fields, and a
// pulumi tag on them would have no effect.
func (b *Base) Register(ctx *pulumi.Context, token, name string, opts ...pulumi.ResourceOption) error {
	return ctx.RegisterComponentResource(token, name, b, opts...)
}

// RegisterOutputs ends the component's registration. Call it after registering the
// children.
//
// The SDK's function does not return before the engine has registered the component, which
// waits for its dependencies and providers (awaitURN in RegisterResourceOutputs). Meanwhile,
// the program could not register the components that follow, although they may not need this
// one. So the function is called only when the component has been registered. Its errors can
// only occur if the program has ended.
func (b *Base) RegisterOutputs(ctx *pulumi.Context, outputs pulumi.Map) error {
	b.URN().ApplyT(func(pulumi.URN) error { return ctx.RegisterResourceOutputs(b, outputs) })
	return nil
}
