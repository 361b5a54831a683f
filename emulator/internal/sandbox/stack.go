package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/layout"
)

// project is the name in Pulumi.yaml.
const project = "sglang-tpu"

func (s *Sandbox) backend() string { return filepath.Join(s.Layout.Pulumi(), "state") }

// Stack is one stack of the program in the emulator's backend.
type Stack struct {
	*Sandbox
	Name string
}

// configFile is the emulator's copy of the stack's configuration. It is a copy so that neither
// the encryption salt nor the emulator's settings get into a tracked file.
func (s Stack) configFile() string {
	return filepath.Join(s.Layout.Pulumi(), "Pulumi."+s.Name+".yaml")
}

// StateFile is the stack's checkpoint in the backend.
func (s Stack) StateFile() string {
	return filepath.Join(s.backend(), ".pulumi", "stacks", project, s.Name+".json")
}

// Prepare creates the stack if needed and writes its configuration. The source is the program's
// Pulumi.<stack>.yaml, or for a stack that only the emulator has, the file of that name in the
// emulator's folder. settings (KEY=VALUE, with namespace) override it.
func (s Stack) Prepare(ctx context.Context, settings ...string) error {
	source, text, err := s.source()
	if err != nil {
		return err
	}
	for _, dir := range []string{s.backend(), s.Layout.PulumiHome(), s.Layout.Tmp()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	salt, err := s.salt(ctx)
	if err != nil {
		return err
	}
	merged, err := overlay(text, salt, append([]string{"sglang-tpu:lwsChart=" + s.Layout.LWSChart()}, settings...))
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	from, err := json.Marshal(prepared{Source: string(text), Settings: settings})
	if err != nil {
		return err
	}
	return errors.Join(layout.WriteFile(s.configFile(), merged, 0o600), layout.WriteFile(s.preparedFile(), from, 0o600))
}

// source reads the configuration that the emulator copies.
func (s Stack) source() (file string, text []byte, err error) {
	file = filepath.Join(s.Program, "Pulumi."+s.Name+".yaml")
	text, err = os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		own := filepath.Join(s.Layout.Root, "Pulumi."+s.Name+".yaml")
		if text, err = os.ReadFile(own); err == nil {
			return own, text, nil
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("there is no stack %q: %s does not exist. There are %s; for another one, copy one of their files to Pulumi.%s.yaml",
			s.Name, file, strings.Join(s.environments(), ", "), s.Name)
	}
	return file, text, err
}

// environments are the names of the stacks that the program has files of.
func (s *Sandbox) environments() []string {
	files, _ := filepath.Glob(filepath.Join(s.Program, "Pulumi.*.yaml")) // the pattern is well-formed
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml")
	}
	return names
}

// prepared has the arguments from which the stack's configuration was written.
type prepared struct {
	Source   string   `json:"source"` // text of Pulumi.<stack>.yaml
	Settings []string `json:"settings"`
}

func (s Stack) preparedFile() string { return s.configFile() + ".from" }

// Follow rewrites the stack's configuration, with its previous settings, if the stack's file
// was edited. It does nothing before the first Prepare.
func (s Stack) Follow(ctx context.Context) error {
	text, err := os.ReadFile(s.preparedFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var from prepared
	if err := json.Unmarshal(text, &from); err != nil {
		return err
	}
	_, now, err := s.source()
	if err != nil || string(now) == from.Source {
		return err
	}
	return s.Prepare(ctx, from.Settings...)
}

// salt creates the stack in the emulator's backend if needed and returns the encryption salt of
// its secrets. The CLI writes the salt next to the project file, so it runs in a folder with a
// separate project file.
func (s Stack) salt(ctx context.Context) (string, error) {
	home := filepath.Join(s.Layout.Pulumi(), "project")
	file := filepath.Join(home, "Pulumi."+s.Name+".yaml")
	if _, err := os.Stat(s.StateFile()); errors.Is(err, os.ErrNotExist) {
		if err := os.RemoveAll(file); err != nil {
			return "", err
		}
		if err := os.MkdirAll(home, 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(home, "Pulumi.yaml"), []byte("name: "+project+"\nruntime: go\n"), 0o600); err != nil {
			return "", err
		}
		cmd := s.Command(ctx, "stack", "init", s.Name, "--secrets-provider", "passphrase")
		cmd.Dir = home
		cmd.Env = without(cmd.Env, "PULUMI_STACK", "PULUMI_OPTION_CONFIG_FILE")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("pulumi stack init %s: %w\n%s", s.Name, err, out)
		}
	}
	var parsed struct {
		EncryptionSalt string `json:"encryptionsalt"`
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if err := yaml.Unmarshal(text, &parsed); err != nil {
		return "", err
	}
	return parsed.EncryptionSalt, nil
}

// Command returns a command that runs the Pulumi CLI on the stack in the program's folder. It
// is interrupted when ctx ends.
func (s Stack) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.Layout.Bin(), "pulumi"), args...)
	cmd.Dir = s.Program
	cmd.Env = s.Environ(s.Name)
	// Ctrl-C reaches Pulumi through the terminal. Pulumi then saves its state and exits. It
	// must not be killed or interrupted again: at a second interrupt it abandons operations.
	cmd.Cancel = func() error {
		if errors.Is(context.Cause(ctx), errInterrupt) {
			return nil
		}
		return cmd.Process.Signal(syscall.SIGINT)
	}
	cmd.WaitDelay = 2 * time.Minute
	return cmd
}

// pulumi runs the CLI with its normal output.
func (s Stack) pulumi(ctx context.Context, args ...string) error {
	cmd := s.Command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, s.Out, s.Err
	return cmd.Run()
}

// Kubectl returns a kubectl command in the emulator's environment. If kubectl is not installed,
// running the command fails.
func (s Stack) Kubectl(ctx context.Context, args ...string) *exec.Cmd {
	cmd := s.Command(ctx)
	path, err := exec.LookPath("kubectl")
	if err != nil {
		err = fmt.Errorf("%w; install kubectl from your distribution or kubernetes.io", err)
	}
	cmd.Path, cmd.Args, cmd.Err = path, append([]string{"kubectl"}, args...), err
	return cmd
}
