package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/guests"
	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/tools"
)

// languageHost is the file name of Pulumi's language host for Go.
const languageHost = "go-language-host"

// hostScript is the language host that the engine starts. It passes a path for the program's
// binary to Pulumi's host, which otherwise links the program with each run. The path is a flag,
// because the host is older than the project file's option for it. The build flags are those of
// all other builds, so that shared packages are compiled only once.
const hostScript = `#!/bin/sh
here=$(dirname "$0")
export CGO_ENABLED=0 GOFLAGS="$(go env GOFLAGS) ` + tools.ProgramFlags + `"
exec "$here/` + languageHost + `" -buildTarget="$here/../cache/programs/` + tools.TargetName + `" "$@"
`

// Tools builds the missing tools of a set, in parallel with further steps, and creates the
// links to them.
func (s *Sandbox) Tools(ctx context.Context, set []tools.Tool, steps ...tools.Step) error {
	if err := os.MkdirAll(s.Layout.Bin(), 0o755); err != nil {
		return err
	}
	modules := filepath.Join(s.Checkout, "emulator", "tools")
	if err := tools.Ensure(ctx, s.Layout, modules, set, s.Out, steps...); err != nil {
		return err
	}
	if err := tools.Chart(ctx, s.Layout, modules); err != nil {
		return err
	}
	return s.Link()
}

// Link creates the links through which programs find this binary and Pulumi's plugins.
func (s *Sandbox) Link() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	links := map[string]string{filepath.Join(s.Layout.Bin(), "gke-gcloud-auth-plugin"): self}
	for name := range guests.Programs() {
		links[filepath.Join(s.Layout.ContainerBin(), name)] = self
	}
	links[filepath.Join(s.Layout.ContainerBin(), "json_exporter")] = filepath.Join(s.Layout.Bin(), "json-exporter")
	for name, program := range map[string]string{"gcp": self, "kubernetes": filepath.Join(s.Layout.Bin(), "pulumi-resource-kubernetes")} {
		version, err := s.sdkVersion(name)
		if err != nil {
			return err
		}
		links[filepath.Join(s.Layout.PulumiHome(), "plugins", "resource-"+name+"-"+version, "pulumi-resource-"+name)] = program
	}
	if err := s.writeHostScript(); err != nil {
		return err
	}
	for link, target := range links {
		if existing, err := os.Readlink(link); err == nil && existing == target {
			continue
		}
		if err := layout.Link(target, link); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sandbox) writeHostScript() error {
	file := filepath.Join(s.Layout.Bin(), "pulumi-language-go")
	if text, err := os.ReadFile(file); err == nil && string(text) == hostScript {
		return nil
	}
	return layout.WriteFile(file, []byte(hostScript), 0o755)
}

// sdkVersion returns the version of a provider's SDK in the program's go.mod, such as v8.41.1.
func (s *Sandbox) sdkVersion(provider string) (string, error) {
	file := filepath.Join(s.Program, "go.mod")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`pulumi-` + provider + `/sdk/v\d+ (v\S+)`).FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s does not require the %s provider's SDK", file, provider)
	}
	return string(found[1]), nil
}

// RunBinary changes the project in a folder, which must be a copy, so that Pulumi runs an
// existing binary. It uses a flag of the language host, which is older than the project file's
// option for it.
func (s *Sandbox) RunBinary(folder, binary string) error {
	host := filepath.Join(folder, ".host")
	if err := os.MkdirAll(host, 0o755); err != nil {
		return err
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %s -binary=%s \"$@\"\n", quote(filepath.Join(s.Layout.Bin(), languageHost)), quote(binary))
	if err := os.WriteFile(filepath.Join(host, "pulumi-language-go"), []byte(script), 0o755); err != nil {
		return err
	}
	file := filepath.Join(folder, "Pulumi.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var project map[string]any
	if err := yaml.Unmarshal(text, &project); err != nil {
		return fmt.Errorf("Pulumi.yaml: %w", err)
	}
	project["plugins"] = map[string]any{"languages": []any{map[string]any{"name": "go", "path": host}}}
	if text, err = yaml.Marshal(project); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
