package gcpplugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/socket"
)

// provider answers the engine.
type provider struct {
	pulumirpc.UnimplementedResourceProviderServer
	socket string // of the daemon
	// project, region and zone of the provider's configuration; the project is the
	// default of every resource that does not say its own.
	defaults map[string]string
	cancel   context.CancelFunc
	canceled context.Context
}

func newProvider(socket string) *provider {
	ctx, cancel := context.WithCancel(context.Background())
	return &provider{socket: socket, defaults: map[string]string{}, canceled: ctx, cancel: cancel}
}

var keep = plugin.MarshalOptions{KeepUnknowns: true, SkipNulls: true}

func read(s *structpb.Struct) (resource.PropertyMap, error) {
	return plugin.UnmarshalProperties(s, keep)
}

func values(s *structpb.Struct) (cloud.Values, error) {
	properties, err := read(s)
	if err != nil {
		return nil, err
	}
	return plain(properties), nil
}

// plain turns properties into JSON values; what is unknown is left out.
func plain(properties resource.PropertyMap) cloud.Values {
	return properties.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		if v.IsComputed() || v.IsOutput() {
			return nil, true
		}
		return nil, false
	})
}

// marked turns properties into JSON values in which what is unknown is marked.
func marked(properties resource.PropertyMap) cloud.Values {
	return properties.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		if v.IsComputed() || v.IsOutput() {
			return cloud.Unknown, true
		}
		return nil, false
	})
}

func typeOf(urn string) string { return string(resource.URN(urn).Type()) }

// GetPluginInfo returns the version of the provider that this stands for.
func (p *provider) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: Version}, nil
}

// GetSchema is empty: the program's SDK is the schema.
func (p *provider) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: `{"name":"gcp","version":"` + Version + `"}`}, nil
}

// CheckConfig accepts what it is given.
func (p *provider) CheckConfig(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: r.GetNews()}, nil
}

// DiffConfig: another project replaces the provider.
func (p *provider) DiffConfig(_ context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	olds, err := values(r.GetOlds())
	if err != nil {
		return nil, err
	}
	news, err := values(r.GetNews())
	if err != nil {
		return nil, err
	}
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

// Configure keeps the defaults.
func (p *provider) Configure(_ context.Context, r *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	for _, key := range []string{"project", "region", "zone"} {
		p.defaults[key] = r.GetArgs().GetFields()[key].GetStringValue()
	}
	return &pulumirpc.ConfigureResponse{SupportsPreview: true, AcceptOutputs: false, AcceptSecrets: false, AcceptResources: false}, nil
}

// Check fills the provider's project in and reports what the provider refuses by
// itself.
func (p *provider) Check(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	news, err := read(r.GetNews())
	if err != nil {
		return nil, err
	}
	typ := typeOf(r.GetUrn())
	failures, err := cloud.Check(typ, marked(news))
	if err != nil {
		return nil, err
	}
	for path, reason := range failures {
		if !strings.HasPrefix(reason, "Missing") {
			// Pulumi's bridge appends the path (pkg/tfbridge/check_failures.go).
			failures[path] = fmt.Sprintf("%s. Examine values at '%s.%s'.", reason, resource.URN(r.GetUrn()).Name(), path)
		}
	}
	if _, ok := news["project"]; !ok && cloud.Has(typ, "project") {
		if p.defaults["project"] == "" {
			failures["project"] = "project: required field is not set, neither on the resource nor on the provider"
		}
		news["project"] = resource.NewStringProperty(p.defaults["project"])
	}
	inputs, err := plugin.MarshalProperties(news, keep)
	if err != nil {
		return nil, err
	}
	res := &pulumirpc.CheckResponse{Inputs: inputs}
	for _, path := range slices.Sorted(maps.Keys(failures)) {
		res.Failures = append(res.Failures, &pulumirpc.CheckFailure{Property: path, Reason: failures[path]})
	}
	return res, nil
}

// Diff compares as the cloud does; what is unknown counts as a change, and as a
// replacement only where a known one would.
func (p *provider) Diff(_ context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	found, err := diff(r.GetUrn(), r.GetOlds(), r.GetNews(), r.GetIgnoreChanges())
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
	// A name that the program gives is taken as long as the old resource is there
	// (nameRequiresDeleteBeforeReplace of Pulumi's bridge).
	_, named := r.GetNews().GetFields()["name"]
	res.DeleteBeforeReplace = len(res.Replaces) > 0 && named
	return res, nil
}

func diff(urn string, olds, news *structpb.Struct, ignored []string) ([]cloud.Change, error) {
	state, err := values(olds)
	if err != nil {
		return nil, err
	}
	inputs, err := read(news)
	if err != nil {
		return nil, err
	}
	return cloud.Diff(typeOf(urn), state, marked(inputs), ignored)
}

// Create makes a resource, or in a preview returns what is known of it.
func (p *provider) Create(ctx context.Context, r *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	if r.GetPreview() {
		return &pulumirpc.CreateResponse{Properties: r.GetProperties()}, nil
	}
	in, err := values(r.GetProperties())
	if err != nil {
		return nil, err
	}
	typ := typeOf(r.GetUrn())
	result, err := p.ask(ctx, "create", cloud.Request{Type: typ, Inputs: in})
	if errors.Is(err, context.Canceled) {
		// Google goes on with what it has begun, so the engine must know of it.
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

// Read refreshes, or imports by id.
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

// Update changes in place. Without a diff nothing is changed, and the state is what the
// cloud has: the provider's update then sends no request, and reads. The engine asks for
// such an update when the create or update before it ended with an error.
func (p *provider) Update(ctx context.Context, r *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	typ := typeOf(r.GetUrn())
	if r.GetPreview() {
		// What Google filled in stays known: an endpoint that became unknown here would make
		// the kubeconfig unknown, and with it everything in the cluster. Unknown values are
		// marked strings in this encoding and go through as they are.
		state := cloud.Merge(typ, r.GetOlds().AsMap(), r.GetNews().AsMap(), r.GetIgnoreChanges())
		properties, err := structpb.NewStruct(state)
		return &pulumirpc.UpdateResponse{Properties: properties}, err
	}
	in, err := values(r.GetNews())
	if err != nil {
		return nil, err
	}
	changes, err := diff(r.GetUrn(), r.GetOlds(), r.GetNews(), r.GetIgnoreChanges())
	if err != nil {
		return nil, err
	}
	what := "update"
	if len(changes) == 0 {
		what = "read"
	}
	result, err := p.ask(ctx, what, cloud.Request{Type: typ, ID: r.GetId(), Inputs: in, Ignored: r.GetIgnoreChanges()})
	if err != nil {
		// pkg/tfbridge/provider.go of Pulumi's bridge: the state is what it was, and the
		// resource is marked as one whose last operation failed.
		olds, oldsErr := values(r.GetOlds())
		oldInputs, inputsErr := values(r.GetOldInputs())
		if oldsErr != nil || inputsErr != nil {
			return nil, errors.Join(err, oldsErr, inputsErr)
		}
		return nil, initFailed("updating "+r.GetUrn(), r.GetId(), olds, oldInputs, err)
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

// Delete removes.
func (p *provider) Delete(ctx context.Context, r *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	_, err := p.ask(ctx, "delete", cloud.Request{Type: typeOf(r.GetUrn()), ID: r.GetId()})
	return &emptypb.Empty{}, err
}

// Invoke answers a lookup. Project, region and location are the provider's where the program
// says none.
func (p *provider) Invoke(ctx context.Context, r *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	args, err := values(r.GetArgs())
	if err != nil {
		return nil, err
	}
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

// Cancel ends every wait for the cloud.
func (p *provider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	p.cancel()
	return &emptypb.Empty{}, nil
}

// ask calls the cloud, and stops waiting when the engine cancels.
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

// initFailed is the error by which the engine learns that a resource exists although its create failed, with
// the URN before the reason as Pulumi's bridge has it.
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
