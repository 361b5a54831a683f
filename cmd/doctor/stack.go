package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"sglang-tpu/cmd/doctor/checks"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/settings"
)

// encrypted replaces the value of a secret, which is not decrypted.
const encrypted = "encrypted"

// load reads a stack's file and the defaults in Pulumi.yaml, and checks the settings like the
// program. It needs neither a backend nor a passphrase.
func load(dir, stack string) checks.Stack {
	s := checks.Stack{Name: stack}
	file := filepath.Join(dir, "Pulumi."+stack+".yaml")
	values, secret, project, err := configuration(dir, file)
	if err != nil {
		s.Problems = problem.Of("", err)
		return s
	}
	s.Project, s.Zone = values["gcp:project"], values["gcp:zone"]
	get := func(key string) (string, bool) { value, ok := values[key]; return value, ok }
	c, err := settings.Load(settings.Source{
		Project: project, Get: get, IsSecret: func(key string) bool { return secret[key] },
		Keys: slices.Collect(maps.Keys(values)),
	})
	_, wrong := names.ForStack(stack, s.Project)
	problems := append(problem.Of("", err), problem.Of("", wrong)...)
	if len(problems) == 0 {
		s.Settings = c
		return s
	}
	text, _ := os.ReadFile(file) // without it, problems have no line numbers
	s.Problems = settings.Locate(problems, filepath.Base(file), text, get)
	return s
}

// configuration returns every value by its full key, objects as JSON, the keys of secrets, and
// the name of the project.
func configuration(dir, file string) (values map[string]string, secret map[string]bool, name string, err error) {
	project, err := workspace.LoadProject(filepath.Join(dir, "Pulumi.yaml"))
	if err != nil {
		return nil, nil, "", err
	}
	if _, err := os.Stat(file); err != nil {
		return nil, nil, "", fmt.Errorf("there is no %s; pulumi stack init and pulumi config set write it", filepath.Base(file))
	}
	quiet := diag.DefaultSink(io.Discard, io.Discard, diag.FormatOptions{Color: "never"})
	own, err := workspace.LoadProjectStack(quiet, project, file)
	if err != nil {
		return nil, nil, "", err
	}
	values, secret = map[string]string{}, map[string]bool{}
	for key, setting := range project.Config {
		if setting.Default == nil {
			continue
		}
		if !strings.Contains(key, ":") {
			key = string(project.Name) + ":" + key
		}
		text, isText := setting.Default.(string)
		if !isText {
			raw, err := json.Marshal(setting.Default)
			if err != nil {
				return nil, nil, "", err
			}
			text = string(raw)
		}
		values[key] = text
	}
	for key, value := range own.Config {
		full := key.Namespace() + ":" + key.Name()
		if value.Secure() {
			values[full], secret[full] = encrypted, true
			continue
		}
		if values[full], err = value.Value(pulumiconfig.NopDecrypter); err != nil {
			return nil, nil, "", err
		}
	}
	return values, secret, string(project.Name), nil
}
