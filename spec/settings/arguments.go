package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/serverimage"
)

const argumentsKey = "sglang-tpu:serverArguments"

// planServer parses the user's server arguments and computes the plan from model, topology
// and arguments, if these are known. It returns the user's arguments and all problems.
func (c *Config) planServer(modelKnown, shaped bool) (serverargs.List, problem.List) {
	given, found := c.plan(modelKnown, shaped)
	return given, atFlags(found, c.ServerArguments)
}

// atFlags adds to problems of server arguments which entry they are about. Those that are not of
// the parser begin with the flag's name.
func atFlags(problems problem.List, words []string) problem.List {
	located := make(problem.List, len(problems))
	for i, p := range problems {
		flag, _, _ := strings.Cut(cmp.Or(p.Value, p.Why), " ")
		if p.Key == argumentsKey && p.Entry == "" && strings.HasPrefix(flag, "--") {
			at := slices.IndexFunc(words, func(word string) bool { return word == flag || strings.HasPrefix(word, flag+"=") })
			if at >= 0 {
				p.Entry = fmt.Sprintf("[%d]", at)
			}
		}
		located[i] = p
	}
	return located
}

func (c *Config) plan(modelKnown, shaped bool) (serverargs.List, problem.List) {
	given, settings, readable, found := c.readArguments()
	if readable && modelKnown {
		if err := settings.Check(c.Model); err != nil {
			readable = false
			found = append(found, problem.Of(argumentsKey, err)...)
		}
	}
	if !modelKnown {
		return given, found
	}
	if shaped && readable {
		var err error
		c.Plan, err = model.NewPlan(c.Model, c.Topology, settings)
		found = append(found, problem.Of(keyOf("model"), err)...)
		if err == nil {
			found = append(found, problem.Of(argumentsKey, c.Plan.Check())...)
		}
	}
	if c.Model.Gated && c.HFToken == "" && c.HFTokenSecret == "" {
		found.Add(keyOf("hfToken"), "", "is empty, but "+c.ModelID+" is a gated model on Hugging Face",
			"accept its licence there, then run: pulumi config set --secret hfToken hf_...")
	}
	return given, append(found, checkSize(c.Cache, c.ModelID, c.Model.RepositoryGiB)...)
}

// readArguments parses the user's server arguments and the settings of the plan in them;
// false if these cannot be parsed. If the arguments override the model's numbers, it
// changes the model.
func (c *Config) readArguments() (serverargs.List, model.Settings, bool, problem.List) {
	other := anotherServer(c.Image)
	read := serverargs.Read(c.ServerArguments, other != "")
	given, doubts := read.Arguments, read.Doubts
	found := problem.Of(argumentsKey, read.Err)
	settings, readable, wrong := planned(given, other != "")
	found = append(found, wrong...)
	if len(found) == 0 {
		conflicts := problem.Of(argumentsKey, serverargs.Conflicts(settings.Arguments().Merge(given)))
		if other == "" {
			found = conflicts
		} else {
			doubts = append(doubts, conflicts...)
		}
	}
	for _, doubt := range doubts {
		doubt.Key = "" // which comes before the whole sentence
		c.Warnings = append(c.Warnings, problem.Problem{
			Key: argumentsKey, Entry: doubt.Entry, Why: fmt.Sprintf("%s (checked against sglang-jax %.12s)", doubt.Error(), serverargs.Commit),
			Remedy: "the server that " + other + " selects may accept it; otherwise every pod ends with exit code 2",
		})
	}
	if overrides, ok := given.Value(model.OverridesFlag); ok && len(found) == 0 {
		var err error
		c.Model, settings.Reach, err = c.Model.Overridden(overrides)
		found = problem.Of(argumentsKey, err)
	}
	found = append(found, checkRemoteCode(c, given)...)
	found = append(found, checkMoE(c, given, other)...)
	return given, settings, readable, append(found, checkDraft(c, given)...)
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

// planned returns the arguments on which the plan depends; false if one of them is not a
// number. For the known server, that has been reported already; for a different server
// there was only a warning.
func planned(given serverargs.List, other bool) (model.Settings, bool, problem.List) {
	var settings model.Settings
	var found problem.List
	readable := true
	// number passes a flag's value to read, which reports whether it is a number of the
	// right kind.
	number := func(flag, noun, remedy string, read func(text string) bool) {
		text, ok := given.Value(flag)
		switch {
		case !given.Has(flag) || ok && read(text):
			return
		case other && !ok:
			found.Add(argumentsKey, "", flag+" takes one value", "give it in the entry after the flag")
		case other:
			found.Add(argumentsKey, "", fmt.Sprintf("%s %q is not a %s", flag, text, noun), remedy)
		}
		readable = false
	}
	for _, whole := range []struct {
		flag string
		into *int
	}{
		{model.PageSizeFlag, &settings.PageSize},
		{model.ContextFlag, &settings.Context},
		{model.ChunkFlag, &settings.Chunk},
		{model.MaxRequestsFlag, &settings.MaxRequests},
		{model.MaxTokensFlag, &settings.MaxTokens},
	} {
		number(whole.flag, "whole number", "use digits only", func(text string) (ok bool) {
			*whole.into, ok = serverargs.Int(text)
			if ok && *whole.into == 0 {
				found.Add(argumentsKey, "", whole.flag+" 0 is not allowed", "leave it out for the default")
			}
			return ok
		})
	}
	number(model.MemFractionFlag, "number", "use a number such as 0.88", func(text string) (ok bool) {
		settings.MemFraction, ok = serverargs.Float(text)
		if ok && settings.MemFraction == 0 {
			found.Add(argumentsKey, "", fmt.Sprintf("%s %q is not a number above 0", model.MemFractionFlag, text), "use a number such as 0.88")
		}
		return ok
	})
	settings.CacheType, _ = given.Value(model.CacheTypeFlag)
	settings.Type, _ = given.Value(model.TypeFlag)
	return settings, readable && len(found) == 0, found
}

func checkRemoteCode(c *Config, given serverargs.List) problem.List {
	if c.TrustRemoteCode || !given.Has(serverargs.RemoteCodeFlag) {
		return nil
	}
	return problem.List{{Key: argumentsKey, Value: serverargs.RemoteCodeFlag, Why: "is given, but sglang-tpu:trustRemoteCode is false", Remedy: "remove one of the two"}}
}

// checkMoE rejects the backend that the server supports only for some architectures
// (_FUSED_MOE_V2_SUPPORTED_ARCHITECTURES), which no model of the catalogue has.
func checkMoE(c *Config, given serverargs.List, other string) problem.List {
	const flag, backend = "--moe-backend", "fused_v2"
	value, _ := given.Value(flag)
	if _, known := model.Lookup(c.ModelID); value != backend || !known || other != "" {
		return nil
	}
	return problem.List{{
		Key: argumentsKey, Why: fmt.Sprintf("%s %q works only with Bailing, MiMo and GlmMoeDsa models, and %s is not one of them", flag, backend, c.ModelID),
		Remedy: "use epmoe or fused",
	}}
}

// checkDraft checks the model that drafts tokens for speculative decoding.
func checkDraft(c *Config, given serverargs.List) problem.List {
	const flag, revision = serverargs.DraftFlag, serverargs.DraftRevisionFlag
	draft, ok := given.Value(flag)
	if !ok || draft == c.Model.ID {
		return nil
	}
	c.Warnings.Add(argumentsKey, "", fmt.Sprintf("the plan does not count the weights of %s %s, whose size this program does not know: "+
		"they share the HBM with the model's weights", flag, draft),
		fmt.Sprintf("if the server ends with RESOURCE_EXHAUSTED, lower %s or use a larger topology", model.MemFractionFlag))
	// ModelConfig.from_server_args: model_revision or server_args.revision.
	if c.Revision != "" && c.Revision != serverargs.DefaultRevision && !given.Has(revision) {
		return problem.List{{
			Key:    argumentsKey,
			Why:    fmt.Sprintf("%s %q has no revision, so the server looks for it at sglang-tpu:modelRevision (%s)", flag, draft, c.Revision),
			Remedy: fmt.Sprintf("add %s %s, or the revision that you want", revision, serverargs.DefaultRevision),
		}}
	}
	return nil
}
