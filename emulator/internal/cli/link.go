package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

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
	for name, program := range map[string]string{"gcp": self, "kubernetes": filepath.Join(c.Layout.Bin(), "pulumi-resource-kubernetes")} {
		version, err := c.sdkVersion(name)
		if err != nil {
			return err
		}
		links[filepath.Join(c.Layout.PulumiHome(), "plugins", "resource-"+name+"-"+version, "pulumi-resource-"+name)] = program
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
