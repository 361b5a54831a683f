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

// passphrase encrypts the secrets of the emulator's stacks. It need not be secret: the stacks
// never leave the ignored folder, and users must be able to decrypt them.
const passphrase = "emulator"

// Sandbox is an emulated cloud and the program that runs on it.
type Sandbox struct {
	Checkout string        // root of the repository
	Program  string        // the Pulumi program's folder: the checkout, except in a review
	Layout   layout.Layout // the emulated cloud's folder
	Out, Err io.Writer
}

// Daemon returns the emulated cloud's process.
func (s *Sandbox) Daemon() Daemon { return Daemon{s} }

// Stack returns a stack of the program.
func (s *Sandbox) Stack(name string) Stack { return Stack{Sandbox: s, Name: name} }

// Clear stops the emulated cloud and removes all of it. The next one uses the tools and caches of another folder.
func (s *Sandbox) Clear(other layout.Layout) error {
	if err := s.Daemon().Stop(); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.Layout.Root), os.MkdirAll(s.Layout.Root, 0o700),
		layout.Link(other.Bin(), s.Layout.Bin()), layout.Link(other.Cache(), s.Layout.Cache()))
}

// Lock ensures that only one command at a time uses a folder. It does not wait.
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

// exports returns the environment variables with which pulumi and kubectl use the emulator.
func (s *Sandbox) exports(stack string) map[string]string {
	l := s.Layout
	return map[string]string{
		layout.EnvVar:      l.Root,
		"PATH":             l.Bin() + string(os.PathListSeparator) + strip(os.Getenv("PATH"), l.Bin()),
		"KUBECONFIG":       l.Kubeconfig(stack),
		"KUBECACHEDIR":     filepath.Join(l.Root, "cache", "kube"),
		"HELM_CACHE_HOME":  filepath.Join(l.Root, "cache", "helm"),
		"HELM_CONFIG_HOME": filepath.Join(l.Root, "cache", "helm"),
		"HELM_DATA_HOME":   filepath.Join(l.Root, "cache", "helm"),
		// Pulumi's Kubernetes provider leaves a kubeconfig in TMPDIR with each run.
		"TMPDIR":                                        l.ShellTmp(),
		"SSL_CERT_FILE":                                 l.TrustBundle(),
		"PULUMI_HOME":                                   l.PulumiHome(),
		"PULUMI_BACKEND_URL":                            "file://" + s.backend(),
		"PULUMI_CONFIG_PASSPHRASE":                      passphrase,
		"PULUMI_STACK":                                  stack,
		"PULUMI_OPTION_CONFIG_FILE":                     s.Stack(stack).configFile(),
		"PULUMI_SKIP_UPDATE_CHECK":                      "true",
		"PULUMI_IGNORE_AMBIENT_PLUGINS":                 "true", // use only plugins in PULUMI_HOME; see Link
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION":   "true",
		"PULUMI_SUPPRESS_NEO_LINK":                      "true",
		"PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
	}
}

// strip removes a folder from a PATH, so that loading the environment twice has no further
// effect.
func strip(path, dir string) string {
	rest := slices.DeleteFunc(filepath.SplitList(path), func(p string) bool { return p == dir })
	return strings.Join(rest, string(os.PathListSeparator))
}

// printEnv prints the exports, and a shell function pulumi that first applies edits of the
// stack's file. Scripts do not inherit the function. A stack without a file is an error.
func (s *Sandbox) printEnv(stack string) error {
	if _, _, err := s.Stack(stack).source(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "pulumi() { (cd %s && %s config %s) && command pulumi \"$@\" && case \"$1 $2\" in 'config set'*|'config rm'*) echo %s >&2;; esac; }\n",
		quote(s.Checkout), quote(self), quote(stack), quote(inCopy(stack)))
	exports := s.exports(stack)
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		fmt.Fprintf(s.Out, "export %s=%s\n", name, quote(exports[name]))
	}
	return nil
}

// inCopy says what becomes of a setting that is typed in the emulator's shell.
func inCopy(stack string) string {
	return fmt.Sprintf("emulator: written to the emulator's copy of the configuration, which make up and make preview overwrite; to keep the change, edit Pulumi.%s.yaml", stack)
}

// quote quotes a text for the shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Environ returns this process's environment with the exports. TMPDIR is in the ignored folder,
// so that an interrupted build leaves no files elsewhere.
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
