package settings

import (
	"errors"
	"fmt"
	"strconv"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/serverargs"
)

const argumentsKey = "sglang-tpu:serverArguments"

// settings reads the user's server arguments, and from them what the plan depends on;
// false if that cannot be read.
func (s server) settings(c *Config) (model.Settings, bool, error) {
	other := anotherServer(c.Image)
	read := serverargs.Read(s.arguments, other != "")
	c.Arguments = read.Arguments
	settings, readable, err := planned(read.Arguments, other != "")
	err = errors.Join(read.Err, err)
	if err == nil {
		ours := serverargs.Ours([]string{model.PageSizeFlag, strconv.Itoa(settings.Page())})
		conflicts := serverargs.Conflicts(ours.Merge(read.Arguments))
		if other == "" {
			err = conflicts
		} else {
			read.Doubts = append(read.Doubts, lines(conflicts)...)
		}
	}
	for _, doubt := range read.Doubts {
		c.Warnings = append(c.Warnings, fmt.Sprintf("config %s: %s. That is so at sglang-jax %.12s; the server of %s may take it, "+
			"and otherwise every pod ends with exit code 2", argumentsKey, doubt, serverargs.Commit, other))
	}
	if overrides, ok := read.Arguments.Value(model.OverridesFlag); ok && err == nil {
		c.Model, settings.Reach, err = c.Model.Overridden(overrides)
	}
	return settings, readable, errors.Join(err, checkRemoteCode(c), checkMoE(c, s, other), checkDraft(c))
}

// anotherServer names the setting by which the image has another server than the one
// whose arguments are known; empty if it has that one.
func anotherServer(i Image) string {
	switch {
	case i.Source == Prebuilt:
		return imageKey + ".reference"
	case i.Source == Mirror:
		return imageKey + ".version"
	case i.Commit != "" && i.Commit != serverargs.Commit:
		return imageKey + ".commit"
	case i.Commit == "" && i.Repository != "":
		return imageKey + ".repository"
	}
	return ""
}

// planned are the arguments that the plan depends on; false if one of them is no number.
// That has been said, but of another server it was only doubted.
func planned(given serverargs.List, other bool) (model.Settings, bool, error) {
	var settings model.Settings
	var errs []error
	readable := true
	// number hands a flag's value to read, which reports whether it is one.
	number := func(flag, remedy string, read func(text string) bool) {
		text, ok := given.Value(flag)
		switch {
		case !given.Has(flag) || ok && read(text):
			return
		case other && !ok:
			errs = append(errs, fmt.Errorf("%s takes one value; give it in the entry after the flag", flag))
		case other:
			errs = append(errs, fmt.Errorf("%s %q is not a %s", flag, text, remedy))
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
		number(whole.flag, "whole number; use digits only", func(text string) (ok bool) {
			*whole.into, ok = serverargs.Int(text)
			if ok && *whole.into == 0 {
				errs = append(errs, fmt.Errorf("%s 0 means nothing; leave it out for the default", whole.flag))
			}
			return ok
		})
	}
	number(model.MemFractionFlag, "number; use one such as 0.88", func(text string) (ok bool) {
		settings.MemFraction, ok = serverargs.Float(text)
		if ok && settings.MemFraction == 0 {
			errs = append(errs, fmt.Errorf("%s %q is not a number above 0; use one such as 0.88", model.MemFractionFlag, text))
		}
		return ok
	})
	settings.CacheType, _ = given.Value(model.CacheTypeFlag)
	settings.Type, _ = given.Value(model.TypeFlag)
	return settings, readable && len(errs) == 0, errors.Join(errs...)
}

func checkRemoteCode(c *Config) error {
	if c.TrustRemoteCode || !c.Arguments.Has(remoteCodeFlag) {
		return nil
	}
	return fmt.Errorf("%q is given, and sglang-tpu:trustRemoteCode is false; remove one of the two", remoteCodeFlag)
}

const remoteCodeFlag = "--trust-remote-code"

// checkMoE refuses the backend that the server asserts by the model's architecture
// (_FUSED_MOE_V2_SUPPORTED_ARCHITECTURES): no model of the catalogue is among those.
func checkMoE(c *Config, s server, other string) error {
	const flag, backend = "--moe-backend", "fused_v2"
	value, _ := c.Arguments.Value(flag)
	if _, known := model.Lookup(s.id); value != backend || !known || other != "" {
		return nil
	}
	return fmt.Errorf("%s %q is for Bailing, MiMo and GlmMoeDsa models alone, and %s is none; use epmoe or fused", flag, backend, s.id)
}

// checkDraft is about the model that drafts tokens for speculative decoding.
func checkDraft(c *Config) error {
	const flag, revision = serverargs.DraftFlag, serverargs.DraftRevisionFlag
	draft, ok := c.Arguments.Value(flag)
	if !ok || draft == c.Model.ID {
		return nil
	}
	c.Warnings = append(c.Warnings, fmt.Sprintf("config %s: the plan does not count the weights of %s %s, whose size this program does not know: "+
		"they lie in HBM beside the model's. If the server ends with RESOURCE_EXHAUSTED, lower %s or use a larger topology", argumentsKey, flag, draft, model.MemFractionFlag))
	// ModelConfig.from_server_args: model_revision or server_args.revision.
	if c.Revision != "" && c.Revision != "main" && !c.Arguments.Has(revision) {
		return fmt.Errorf("%s %q has no revision, so that the server looks for it at sglang-tpu:modelRevision (%s); add %s main, or the revision that you want",
			flag, draft, c.Revision, revision)
	}
	return nil
}
