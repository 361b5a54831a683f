package settings

import (
	"fmt"
	"maps"
	"slices"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/serverimage"
)

const argumentsKey = "sglang-tpu:serverArguments"

// planServer parses the user's server arguments, and computes the plan from model, topology
// and arguments if these are known. It returns the user's arguments.
func (l *loader) planServer(modelKnown bool) serverargs.List {
	given, settings, readable := l.readArguments()
	if !modelKnown {
		return given
	}
	if readable && l.check(argumentsKey, settings.Check(l.Model)) && !l.unread["topology"] {
		var err error
		l.Plan, err = model.NewPlan(l.Model, l.Topology, settings)
		if l.check(keyOf("model"), err) {
			l.check(argumentsKey, l.Plan.Check())
		}
	}
	if l.Model.Gated && l.HFToken == "" && l.HFTokenSecret == "" {
		l.found.Add(keyOf("hfToken"), "", "is empty, but "+l.ModelID+" is a gated model on Hugging Face",
			"accept its licence there, then run: pulumi config set --secret hfToken hf_...")
	}
	l.checkSize()
	return given
}

// readArguments parses the user's server arguments and the settings of the plan in them;
// false if these cannot be parsed. If the arguments override the model's numbers, it
// changes the model.
func (l *loader) readArguments() (serverargs.List, model.Settings, bool) {
	other := anotherServer(l.Image)
	before := len(l.found)
	needed := slices.Collect(maps.Keys(wholeNumbers(&model.Settings{})))
	read := serverargs.Read(l.ServerArguments, other != "", append(needed, model.MemFractionFlag)...)
	given, doubts := read.Arguments, read.Doubts
	l.check(argumentsKey, read.Err)
	settings, readable := l.planned(given)
	if len(l.found) == before {
		conflicts := serverargs.Conflicts(settings.Arguments().Merge(given))
		if other == "" {
			l.check(argumentsKey, conflicts)
		} else {
			doubts = append(doubts, problem.Of("", conflicts)...)
		}
	}
	for _, doubt := range doubts {
		l.Warnings = append(l.Warnings, problem.Problem{
			Key: argumentsKey, Entry: doubt.Entry, Why: fmt.Sprintf("%s (checked against sglang-jax %.12s)", doubt.Error(), serverargs.Commit),
			Remedy: "the server that " + other + " selects may accept it; otherwise every pod ends with exit code 2",
		})
	}
	if overrides, ok := given.Value(model.OverridesFlag); ok && len(l.found) == before {
		var err error
		l.Model, settings.Reach, err = l.Model.Overridden(overrides)
		l.check(argumentsKey, err)
	}
	l.checkRemoteCode(given)
	l.checkMoE(given, other)
	l.checkDraft(given)
	return given, settings, readable
}

// anotherServer returns the setting that selects a different server than the one whose
// arguments are known; empty if none does. The image's defaults must be set.
func anotherServer(i serverimage.Image) string {
	switch {
	case i.Source == serverimage.Prebuilt:
		return imageKey + ".reference"
	case i.Source == serverimage.Mirror:
		return imageKey + ".version"
	case i.Commit == "": // of another repository, which has no default
		return imageKey + ".repository"
	case i.Commit != serverargs.Commit:
		return imageKey + ".commit"
	}
	return ""
}

// wholeNumbers returns the settings that are whole numbers, by their flags.
func wholeNumbers(s *model.Settings) map[string]*int {
	return map[string]*int{
		model.PageSizeFlag:    &s.PageSize,
		model.ContextFlag:     &s.Context,
		model.ChunkFlag:       &s.Chunk,
		model.MaxRequestsFlag: &s.MaxRequests,
		model.MaxTokensFlag:   &s.MaxTokens,
	}
}

// planned returns the arguments on which the plan depends; false if one of them has no valid
// value. It reports the zeros, which mean the default in the settings; other invalid values
// were reported.
func (l *loader) planned(given serverargs.List) (settings model.Settings, readable bool) {
	before := len(l.found)
	readable = true
	numbers := wholeNumbers(&settings)
	for _, flag := range slices.Sorted(maps.Keys(numbers)) {
		text, _ := given.Value(flag)
		n, ok := serverargs.Int(text)
		if ok && n == 0 {
			l.check(argumentsKey, serverargs.Refused(flag, "0 is not allowed", "leave it out for the default"))
		}
		readable = readable && (ok || !given.Has(flag))
		*numbers[flag] = n
	}
	text, _ := given.Value(model.MemFractionFlag)
	share, ok := serverargs.Float(text)
	if ok && share == 0 {
		l.check(argumentsKey, serverargs.Refused(model.MemFractionFlag, fmt.Sprintf("%q is not a number above 0", text), "use a number such as 0.88"))
	}
	readable = readable && (ok || !given.Has(model.MemFractionFlag))
	settings.MemFraction = share
	settings.CacheType, _ = given.Value(model.CacheTypeFlag)
	settings.Type, _ = given.Value(model.TypeFlag)
	return settings, readable && len(l.found) == before
}

func (l *loader) checkRemoteCode(given serverargs.List) {
	const flag = serverargs.RemoteCodeFlag
	if !l.TrustRemoteCode && given.Has(flag) {
		l.check(argumentsKey, problem.Problem{Entry: "[" + flag + "]", Value: flag, Why: "is given, but sglang-tpu:trustRemoteCode is false", Remedy: "remove one of the two"})
	}
}

// checkMoE rejects the backend that the server supports only for some architectures
// (_FUSED_MOE_V2_SUPPORTED_ARCHITECTURES), which no model of the catalogue has.
func (l *loader) checkMoE(given serverargs.List, other string) {
	const flag, backend = "--moe-backend", "fused_v2"
	value, _ := given.Value(flag)
	if _, known := model.Lookup(l.ModelID); value == backend && known && other == "" {
		l.check(argumentsKey, serverargs.Refused(flag, fmt.Sprintf("%q works only with Bailing, MiMo and GlmMoeDsa models, and %s is not one of them", backend, l.ModelID),
			"use epmoe or fused"))
	}
}

// checkDraft checks the model that drafts tokens for speculative decoding.
func (l *loader) checkDraft(given serverargs.List) {
	const flag, revision = serverargs.DraftFlag, serverargs.DraftRevisionFlag
	draft, ok := given.Value(flag)
	if !ok || draft == l.Model.ID {
		return
	}
	l.Warnings.Add(argumentsKey, "", fmt.Sprintf("the plan does not count the weights of %s %s, whose size this program does not know: "+
		"they share the HBM with the model's weights", flag, draft),
		fmt.Sprintf("if the server ends with RESOURCE_EXHAUSTED, lower %s or use a larger topology", model.MemFractionFlag))
	// ModelConfig.from_server_args: model_revision or server_args.revision.
	if l.Revision != "" && l.Revision != serverargs.DefaultRevision && !given.Has(revision) {
		l.check(argumentsKey, serverargs.Refused(flag, fmt.Sprintf("%q has no revision, so the server looks for it at sglang-tpu:modelRevision (%s)", draft, l.Revision),
			fmt.Sprintf("add %s %s, or the revision that you want", revision, serverargs.DefaultRevision)))
	}
}
