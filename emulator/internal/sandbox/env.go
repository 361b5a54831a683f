package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"sglang-tpu/emulator/internal/layout"
)

// passphrase guards the emulated stacks' secrets. It is no secret itself: what it
// encrypts never leaves the ignored folder, and people who load the environment
// must be able to decrypt.
const passphrase = "emulator"

// exports is what a shell needs to use pulumi and kubectl on the emulator.
func (c *CLI) exports(stack string) map[string]string {
	l := c.Layout
	return map[string]string{
		layout.EnvVar:      l.Root,
		"PATH":             l.Bin() + string(os.PathListSeparator) + strip(os.Getenv("PATH"), l.Bin()),
		"KUBECONFIG":       l.Kubeconfig(),
		"KUBECACHEDIR":     filepath.Join(l.Root, "cache", "kube"),
		"HELM_CACHE_HOME":  filepath.Join(l.Root, "cache", "helm"),
		"HELM_CONFIG_HOME": filepath.Join(l.Root, "cache", "helm"),
		"HELM_DATA_HOME":   filepath.Join(l.Root, "cache", "helm"),
		// Pulumi's Kubernetes provider leaves a kubeconfig there at each run.
		"TMPDIR":                                        l.ShellTmp(),
		"SSL_CERT_FILE":                                 l.TrustBundle(),
		"PULUMI_HOME":                                   l.PulumiHome(),
		"PULUMI_BACKEND_URL":                            "file://" + c.backend(),
		"PULUMI_CONFIG_PASSPHRASE":                      passphrase,
		"PULUMI_STACK":                                  stack,
		"PULUMI_OPTION_CONFIG_FILE":                     c.configFile(stack),
		"PULUMI_SKIP_UPDATE_CHECK":                      "true",
		"PULUMI_IGNORE_AMBIENT_PLUGINS":                 "true", // those of the emulator are where Pulumi installs plugins
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION":   "true",
		"PULUMI_SUPPRESS_NEO_LINK":                      "true",
		"PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
	}
}

// strip removes a folder from a PATH, so that loading the environment twice changes
// nothing.
func strip(path, dir string) string {
	var kept []string
	for _, p := range filepath.SplitList(path) {
		if p != dir {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, string(os.PathListSeparator))
}

func (c *CLI) printEnv(o options) error {
	exports := c.exports(o.Stack)
	names := make([]string, 0, len(exports))
	for name := range exports {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(c.Out, "export %s=%s\n", name, quote(exports[name]))
	}
	return nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// environ is this process's environment with the exports on top. Temporary files go
// into the ignored folder too, where an interrupted build cannot litter.
func (c *CLI) environ(stack string) []string {
	set := c.exports(stack)
	set["TMPDIR"] = c.Layout.Tmp()
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if _, ok := set[name]; !ok {
			env = append(env, pair)
		}
	}
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}
