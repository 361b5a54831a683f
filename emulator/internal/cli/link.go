package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// languageHost is Pulumi's for Go.
const languageHost = "go-language-host"

// hostScript is what the engine starts as its language host. The host links the program
// anew at each run unless it is told where to keep it; the option for that in a project
// file is newer than the host that can be built here, so it is given as a flag. Go builds
// again what has changed.
const hostScript = `#!/bin/sh
here=$(dirname "$0")
exec "$here/` + languageHost + `" -buildTarget="$here/../cache/programs/$(pwd | cksum | tr ' ' -)" "$@"
`

// link makes the names under which this one binary, and Pulumi's plugins, are found.
func (c *CLI) link() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	links := map[string]string{filepath.Join(c.Layout.Bin(), "gke-gcloud-auth-plugin"): self}
	for _, name := range []string{"python3", "hf", "getent", "sleep", "wget", "buildctl-daemonless.sh"} {
		links[filepath.Join(c.Layout.ContainerBin(), name)] = self
	}
	links[filepath.Join(c.Layout.ContainerBin(), "json_exporter")] = filepath.Join(c.Layout.Bin(), "json-exporter")
	for name, program := range map[string]string{"gcp": self, "kubernetes": filepath.Join(c.Layout.Bin(), "pulumi-resource-kubernetes")} {
		version, err := c.sdkVersion(name)
		if err != nil {
			return err
		}
		links[filepath.Join(c.Layout.PulumiHome(), "plugins", "resource-"+name+"-"+version, "pulumi-resource-"+name)] = program
	}
	if err := c.writeHostScript(); err != nil {
		return err
	}
	for link, target := range links {
		if existing, err := os.Readlink(link); err == nil && existing == target {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return err
		}
		if err := os.RemoveAll(link); err != nil {
			return err
		}
		if err := os.Symlink(target, link); err != nil {
			return err
		}
	}
	return nil
}

func (c *CLI) writeHostScript() error {
	file := filepath.Join(c.Layout.Bin(), "pulumi-language-go")
	if text, err := os.ReadFile(file); err == nil && string(text) == hostScript {
		return nil
	}
	if err := os.WriteFile(file+".new", []byte(hostScript), 0o755); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// sdkVersion is the version of a provider that the program asks for, such as v8.41.1.
func (c *CLI) sdkVersion(provider string) (string, error) {
	file := filepath.Join(c.Program, "go.mod")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`pulumi-` + provider + `/sdk/v\d+ (v\S+)`).FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s names no version of the %s provider's SDK", file, provider)
	}
	return string(found[1]), nil
}
