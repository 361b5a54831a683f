package sandbox

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"sglang-tpu/emulator/internal/layout"
)

// passphrase guards the emulated stacks' secrets. It is no secret itself: what it
// encrypts never leaves the ignored folder, and people who load the environment
// must be able to decrypt.
const passphrase = "emulator"

// Sandbox is one emulated cloud, and the program that is run on it.
type Sandbox struct {
	Checkout string        // root of the repository
	Program  string        // the Pulumi program's folder: the checkout, but in a review
	Layout   layout.Layout // the emulated cloud's folder
	Out, Err io.Writer
}

// Daemon returns the emulated cloud's process.
func (s *Sandbox) Daemon() Daemon { return Daemon{s} }

// Stack returns a stack of the program.
func (s *Sandbox) Stack(name string) Stack { return Stack{Sandbox: s, Name: name} }

// Lock makes sure that one command at a time runs in a folder.
func Lock(l layout.Layout) (unlock func(), err error) {
	if err := os.MkdirAll(l.Run(), 0o700); err != nil {
		return nil, fmt.Errorf("cannot write to the checkout: %w", err)
	}
	f, err := os.OpenFile(l.Run()+"/command.lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another emulator command is running in this checkout; wait for it or interrupt it"), f.Close())
	}
	return func() { f.Close() }, nil
}

// exports is what a shell needs to use pulumi and kubectl on the emulator.
func (s *Sandbox) exports(stack string) map[string]string {
	l := s.Layout
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
		"PULUMI_BACKEND_URL":                            "file://" + s.backend(),
		"PULUMI_CONFIG_PASSPHRASE":                      passphrase,
		"PULUMI_STACK":                                  stack,
		"PULUMI_OPTION_CONFIG_FILE":                     s.Stack(stack).configFile(),
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
	rest := slices.DeleteFunc(filepath.SplitList(path), func(p string) bool { return p == dir })
	return strings.Join(rest, string(os.PathListSeparator))
}

// printEnv prints the exports, and a function in the place of pulumi, which takes edits of
// the stack's file over first. A function is the shell's own: scripts get the real one.
func (s *Sandbox) printEnv(stack string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "pulumi() { (cd %s && %s config %s) && command pulumi \"$@\"; }\n", quote(s.Checkout), quote(self), quote(stack))
	exports := s.exports(stack)
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		fmt.Fprintf(s.Out, "export %s=%s\n", name, quote(exports[name]))
	}
	return nil
}

// quote makes one word of a shell out of a text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Environ is this process's environment with the exports on top. Temporary files go into
// the ignored folder as well, so that an interrupted build leaves nothing elsewhere.
func (s *Sandbox) Environ(stack string) []string {
	set := s.exports(stack)
	set["TMPDIR"] = s.Layout.Tmp()
	env := without(os.Environ(), slices.Collect(maps.Keys(set))...)
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

func without(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(names, name)
	})
}
