package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"sglang-tpu/cmd/doctor/checks"
	"sglang-tpu/spec/settings"
)

// encrypted stands for the value of a secret, which is not decrypted.
const encrypted = "encrypted"

// load reads a stack's file over the defaults of Pulumi.yaml. No backend and no
// passphrase is needed.
func load(dir, stack string) checks.Stack {
	s := checks.Stack{Name: stack}
	values, secret, err := configuration(dir, stack)
	if err != nil {
		s.Err = err
		return s
	}
	s.Project, s.Zone = values["gcp:project"], values["gcp:zone"]
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	s.Settings, s.Err = settings.Load(settings.Source{
		Get:      func(key string) (string, bool) { value, ok := values[key]; return value, ok },
		IsSecret: func(key string) bool { return secret[key] },
		Keys:     keys,
	})
	return s
}

// configuration is every value by its full key, objects as JSON, and which of them are
// secrets.
func configuration(dir, stack string) (values map[string]string, secret map[string]bool, err error) {
	project, err := workspace.LoadProject(filepath.Join(dir, "Pulumi.yaml"))
	if err != nil {
		return nil, nil, err
	}
	file := filepath.Join(dir, "Pulumi."+stack+".yaml")
	if _, err := os.Stat(file); err != nil {
		return nil, nil, fmt.Errorf("there is no %s; write it, or run: pulumi stack init %s", file, stack)
	}
	quiet := diag.DefaultSink(io.Discard, io.Discard, diag.FormatOptions{Color: "never"})
	own, err := workspace.LoadProjectStack(quiet, project, file)
	if err != nil {
		return nil, nil, err
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
				return nil, nil, err
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
			return nil, nil, err
		}
	}
	return values, secret, nil
}
