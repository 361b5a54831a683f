package gcpplugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/socket"
)

// provider implements Pulumi's provider protocol.
type provider struct {
	pulumirpc.UnimplementedResourceProviderServer
	socket string // of the daemon
	// defaults are project, region and zone of the provider's configuration. The project is
	// the default of every resource.
	defaults map[string]string
	cancel   context.CancelFunc
	canceled context.Context
}

func newProvider(socket string) *provider {
	ctx, cancel := context.WithCancel(context.Background())
	return &provider{socket: socket, defaults: map[string]string{}, canceled: ctx, cancel: cancel}
}

// values returns properties as JSON values. The engine does not send secrets or outputs to this
// provider, because Configure does not accept them, and an unknown value is cloud.Unknown.
func values(s *structpb.Struct) cloud.Values { return s.AsMap() }

func typeOf(urn string) string { return string(resource.URN(urn).Type()) }

// GetPluginInfo returns the version of the emulated provider.
func (p *provider) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: Version}, nil
}

// GetSchema returns an empty schema; Go programs do not use it.
func (p *provider) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: `{"name":"gcp","version":"` + Version + `"}`}, nil
}

// CheckConfig accepts every configuration.
func (p *provider) CheckConfig(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: r.GetNews()}, nil
}

// DiffConfig compares configurations. A change of the project replaces the provider.
func (p *provider) DiffConfig(_ context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	olds, news := values(r.GetOlds()), values(r.GetNews())
	res := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	for _, key := range []string{"project", "region", "zone"} {
		if olds[key] != news[key] {
			res.Changes = pulumirpc.DiffResponse_DIFF_SOME
			res.Diffs = append(res.Diffs, key)
			if key == "project" {
				res.Replaces = append(res.Replaces, key)
			}
		}
	}
	return res, nil
}

// Configure stores the defaults.
func (p *provider) Configure(_ context.Context, r *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	for _, key := range []string{"project", "region", "zone"} {
		p.defaults[key] = r.GetArgs().GetFields()[key].GetStringValue()
	}
	return &pulumirpc.ConfigureResponse{SupportsPreview: true, AcceptOutputs: false, AcceptSecrets: false, AcceptResources: false}, nil
}

// Check sets the default project and validates inputs as the provider does before it calls
// Google.
func (p *provider) Check(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	typ, news := typeOf(r.GetUrn()), values(r.GetNews())
	failures, err := cloud.Check(typ, news)
	if err != nil {
		return nil, err
	}
	for path, reason := range failures {
		if !strings.HasPrefix(reason, "Missing") {
			// Pulumi's bridge appends the path (pkg/tfbridge/check_failures.go).
			failures[path] = fmt.Sprintf("%s. Examine values at '%s.%s'.", reason, resource.URN(r.GetUrn()).Name(), path)
		}
	}
	if news["project"] == nil && cloud.Has(typ, "project") {
		if p.defaults["project"] == "" {
			failures["project"] = "project: required field is not set, neither on the resource nor on the provider"
		}
		news["project"] = p.defaults["project"]
	}
	inputs, err := structpb.NewStruct(news)
	if err != nil {
		return nil, err
	}
	res := &pulumirpc.CheckResponse{Inputs: inputs}
	for _, path := range slices.Sorted(maps.Keys(failures)) {
		res.Failures = append(res.Failures, &pulumirpc.CheckFailure{Property: path, Reason: failures[path]})
	}
	return res, nil
}

// Diff compares inputs with the state. An unknown value is a change, and a replacement only if
// a change of the property replaces the resource.
func (p *provider) Diff(_ context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	found, err := cloud.Diff(typeOf(r.GetUrn()), values(r.GetOlds()), values(r.GetNews()), r.GetIgnoreChanges())
	if err != nil {
		return nil, err
	}
	res := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, HasDetailedDiff: true,
		DetailedDiff: map[string]*pulumirpc.PropertyDiff{},
	}
	for _, change := range found {
		res.Changes = pulumirpc.DiffResponse_DIFF_SOME
		top, _, _ := strings.Cut(strings.SplitN(change.Path, "[", 2)[0], ".")
		res.Diffs = append(res.Diffs, top)
		kind := pulumirpc.PropertyDiff_UPDATE
		if change.Replace {
			kind = pulumirpc.PropertyDiff_UPDATE_REPLACE
			res.Replaces = append(res.Replaces, top)
		}
		res.DetailedDiff[change.Path] = &pulumirpc.PropertyDiff{Kind: kind}
	}
	// A name that the program sets is in use until the old resource is deleted
	// (nameRequiresDeleteBeforeReplace of Pulumi's bridge).
	_, named := r.GetNews().GetFields()["name"]
	res.DeleteBeforeReplace = len(res.Replaces) > 0 && named
	return res, nil
}

// Create creates a resource. In a preview it returns the known properties.
func (p *provider) Create(ctx context.Context, r *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	if r.GetPreview() {
		return &pulumirpc.CreateResponse{Properties: r.GetProperties()}, nil
	}
	typ, in := typeOf(r.GetUrn()), values(r.GetProperties())
	result, err := p.ask(ctx, "create", cloud.Request{Type: typ, Inputs: in})
	if errors.Is(err, context.Canceled) {
		// Google continues the operation, so the resource must be in the engine's state.
		id, idErr := cloud.ID(typ, in)
		if idErr != nil {
			return nil, idErr
		}
		if cloud.Resumes(typ) {
			state := cloud.Merge(typ, cloud.Values{"operation": "interrupted"}, in, nil)
			properties, err := structpb.NewStruct(state)
			return &pulumirpc.CreateResponse{Id: id, Properties: properties}, err
		}
		return nil, initFailed("creating "+r.GetUrn(), id, in, in, errors.New("interrupted while Google Cloud was creating it"))
	}
	if err != nil && result != nil {
		return nil, initFailed("creating "+r.GetUrn(), result.ID, result.Outputs, result.Inputs, err)
	}
	if err != nil {
		return nil, err
	}
	properties, err := structpb.NewStruct(result.Outputs)
	return &pulumirpc.CreateResponse{Id: result.ID, Properties: properties}, err
}

// Read reads a resource for a refresh or an import.
func (p *provider) Read(ctx context.Context, r *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	found, err := p.ask(ctx, "read", cloud.Request{Type: typeOf(r.GetUrn()), ID: r.GetId()})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return &pulumirpc.ReadResponse{}, nil
	}
	properties, err := structpb.NewStruct(found.Outputs)
	if err != nil {
		return nil, err
	}
	inputs, err := structpb.NewStruct(cloud.ReadInputs(found))
	return &pulumirpc.ReadResponse{Id: found.ID, Properties: properties, Inputs: inputs}, err
}

// Update updates a resource in place. Without a difference it only reads the resource, as the
// provider does. The engine requests such an update if the previous create or update has
// failed.
func (p *provider) Update(ctx context.Context, r *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	typ, in, olds := typeOf(r.GetUrn()), values(r.GetNews()), values(r.GetOlds())
	if r.GetPreview() {
		// Values that Google has set remain known. If the endpoint became unknown, the
		// kubeconfig and everything in the cluster would be unknown, too.
		properties, err := structpb.NewStruct(cloud.Merge(typ, olds, in, r.GetIgnoreChanges()))
		return &pulumirpc.UpdateResponse{Properties: properties}, err
	}
	changes, err := cloud.Diff(typ, olds, in, r.GetIgnoreChanges())
	if err != nil {
		return nil, err
	}
	what := "update"
	if len(changes) == 0 {
		what = "read"
	}
	result, err := p.ask(ctx, what, cloud.Request{Type: typ, ID: r.GetId(), Inputs: in, Ignored: r.GetIgnoreChanges()})
	if err != nil {
		// pkg/tfbridge/provider.go of Pulumi's bridge: the state is unchanged, and the
		// resource is marked as failed.
		return nil, initFailed("updating "+r.GetUrn(), r.GetId(), olds, values(r.GetOldInputs()), err)
	}
	if result == nil {
		// pkg/tfbridge/provider.go of Pulumi's bridge
		return nil, fmt.Errorf("Resource provider reported that the resource did not exist while updating %s.\n\n"+
			"This is usually a result of the resource having been deleted outside of Pulumi, and can often be "+
			"fixed by running `pulumi refresh` before updating.", r.GetUrn())
	}
	properties, err := structpb.NewStruct(result.Outputs)
	return &pulumirpc.UpdateResponse{Properties: properties}, err
}

// Delete deletes a resource.
func (p *provider) Delete(ctx context.Context, r *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	_, err := p.ask(ctx, "delete", cloud.Request{Type: typeOf(r.GetUrn()), ID: r.GetId()})
	return &emptypb.Empty{}, err
}

// Invoke runs a function. Project, region and location default to the provider's.
func (p *provider) Invoke(ctx context.Context, r *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	args := values(r.GetArgs())
	for name, value := range map[string]string{"project": p.defaults["project"], "region": p.defaults["region"], "location": p.defaults["region"]} {
		if args[name] == nil {
			args[name] = value
		}
	}
	found, err := p.ask(ctx, "lookup", cloud.Request{Type: r.GetTok(), Inputs: args})
	if err != nil {
		return nil, err
	}
	answer, err := structpb.NewStruct(found.Outputs)
	return &pulumirpc.InvokeResponse{Return: answer}, err
}

// Cancel ends all calls of the cloud.
func (p *provider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	p.cancel()
	return &emptypb.Empty{}, nil
}

// ask calls the cloud until the engine cancels.
func (p *provider) ask(ctx context.Context, what string, request cloud.Request) (*cloud.Resource, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(p.canceled, stop)()
	reply, err := retried(ctx, func() (reply cloud.Reply, err error) {
		return reply, socket.Post(ctx, p.socket, "/cloud/"+what, request, &reply)
	})
	if err != nil && ctx.Err() != nil {
		return nil, context.Canceled
	}
	if err != nil {
		return nil, err
	}
	if reply.Error != "" {
		return reply.Resource, errors.New(reply.Error)
	}
	return reply.Resource, nil
}

// initFailed returns the error for a resource that exists although an operation failed. Like
// Pulumi's bridge, it prefixes the reason with the URN.
func initFailed(doing, id string, outputs, inputs cloud.Values, why error) error {
	reason := fmt.Errorf("%s: %w", doing, why)
	properties, err := structpb.NewStruct(outputs)
	if err != nil {
		return err
	}
	in, err := structpb.NewStruct(inputs)
	if err != nil {
		return err
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, reason.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: properties, Inputs: in, Reasons: []string{reason.Error()},
	})
}
