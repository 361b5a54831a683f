package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// VersionVariable is the environment variable with another version of hf than that of the
// pinned commit (python/pyproject.toml: huggingface-hub~=0.34.3).
const (
	VersionVariable = "EMULATOR_HF_VERSION"
	pinnedVersion   = "0.34.6"
)

// version is a version of hf: 1.11.0 has major 1 and minor 11.
type version struct {
	text         string
	major, minor int
}

func thisVersion() version {
	v := version{text: cmp.Or(os.Getenv(VersionVariable), pinnedVersion)}
	_, _ = fmt.Sscanf(v.text, "%d.%d", &v.major, &v.minor) // 0 if it is not a number
	return v
}

func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

// CLI implements the command hf and returns its exit code.
func CLI(args []string) int {
	v := thisVersion()
	if len(args) > 0 && args[0] == "version" {
		if v.major == 0 { // cli/system.py
			fmt.Println("huggingface_hub version: " + v.text)
		} else {
			fmt.Println(v.text)
		}
		return 0
	}
	if len(args) == 0 || args[0] != "download" {
		fmt.Fprintf(os.Stderr, "usage: hf <command> [<args>]\nhf: error: argument {download,version}: invalid choice: '%s'\n", strings.Join(args, " "))
		return 2
	}
	o, err := parse(v, args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "usage: hf <command> [<args>] download [-h] [--revision REVISION] [...] repo_id [filenames ...]\nhf <command> [<args>] download: error: %v\n", err)
		return 2
	}
	return o.run(v, os.Stdout, os.Stderr)
}

// options are the options of hf download that are emulated.
type options struct {
	id, revision   string
	names, exclude []string
	quiet          bool
	workers        int
}

// parse parses the arguments like argparse, or from version 1.0 on like Typer. With Typer, each
// pattern needs a flag, and further arguments are file names.
func parse(v version, args []string) (options, error) {
	o := options{workers: 8}
	var positional []string
	for i := 0; i < len(args); i++ {
		name := args[i]
		one := func() (string, error) {
			if i++; i == len(args) || strings.HasPrefix(args[i], "--") {
				return "", fmt.Errorf("argument %s: expected one argument", name)
			}
			return args[i], nil
		}
		many := func() (values []string) {
			if v.major > 0 {
				value, _ := one()
				return []string{value}
			}
			for i+1 < len(args) && !strings.HasPrefix(args[i+1], "--") {
				i++
				values = append(values, args[i])
			}
			return values
		}
		var err error
		switch name {
		case "--revision":
			o.revision, err = one()
		case "--max-workers":
			var value string
			if value, err = one(); err == nil {
				if o.workers, err = strconv.Atoi(value); err != nil {
					err = fmt.Errorf("argument --max-workers: invalid int value: '%s'", value)
				}
			}
		case "--exclude":
			o.exclude = v.add(o.exclude, many())
		case "--quiet":
			o.quiet = true
		default:
			if strings.HasPrefix(name, "--") {
				return o, fmt.Errorf("unrecognized arguments: %s", name)
			}
			positional = append(positional, name)
		}
		if err != nil {
			return o, err
		}
	}
	if len(positional) == 0 {
		return o, fmt.Errorf("the following arguments are required: repo_id, filenames")
	}
	o.id, o.names = positional[0], positional[1:]
	return o, nil
}

// add adds the patterns of a repeated flag: argparse replaces the earlier ones, Typer keeps
// them.
func (v version) add(before, more []string) []string {
	if v.major == 0 {
		return more
	}
	return append(before, more...)
}

func (o options) run(v version, stdout, stderr io.Writer) int {
	c := InContainer("")
	c.Workers, c.Log = o.workers, stderr
	if o.quiet {
		c.Log = nil
	}
	folder, err := o.download(c)
	if err != nil {
		if text := known(err); v.atLeast(1, 5) && text != "" {
			fmt.Fprintf(stderr, "Error: %s\n", text)
			return 1
		}
		fmt.Fprintf(stderr, "Traceback (most recent call last):\n  File \"/usr/local/bin/hf\", line 10, in <module>\n%v\n", err)
		return 1
	}
	if v.atLeast(1, 11) { // cli/_output.py, result
		fmt.Fprintf(stdout, "✓ Downloaded\n  path: %s\n", folder)
		return 0
	}
	fmt.Fprintln(stdout, folder)
	return 0
}

// known returns the message that later versions print instead of a traceback
// (cli/_errors.py, CLI_ERROR_MAPPINGS); empty if there is none.
func known(err error) string {
	var of *Error
	if !errors.As(err, &of) {
		return ""
	}
	switch strings.TrimPrefix(of.Class, errorsOf) {
	case "GatedRepoError":
		return "Access denied. This repository requires approval."
	case "RepositoryNotFoundError":
		return "Repository not found. Check the `repo_id` and `repo_type` parameters."
	case "RevisionNotFoundError":
		return "Revision not found. Check the `revision` parameter."
	case "LocalEntryNotFoundError":
		if of.Cause != nil {
			return "Local entry not found. " + of.Cause.Text
		}
		return "Local entry not found. " + of.Text
	case "HfHubHTTPError":
		return of.Text
	}
	return ""
}

func (o options) download(c *Client) (string, error) {
	folder, err := c.Snapshot(context.Background(), o.id, o.revision, func(name string) bool {
		if len(o.names) > 0 {
			return matches(o.names, name)
		}
		return !matches(o.exclude, name)
	})
	if err != nil || len(o.names) != 1 {
		return folder, err
	}
	// A single file is requested by name, and must exist.
	file := folder + "/" + o.names[0]
	if _, err := os.Stat(file); err != nil {
		if c.Offline {
			return "", noFile(o.id, o.revision, o.names[0])
		}
		return "", entryNotFound(o.id, folder[strings.LastIndex(folder, "/")+1:], o.names[0])
	}
	return file, nil
}

// matches reports whether one of the patterns matches, like Python's fnmatch: * also matches /.
func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		if strings.HasSuffix(p, "/") {
			p += "*"
		}
		expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`, `\[`, `[`, `\]`, `]`).Replace(regexp.QuoteMeta(p))
		if r, err := regexp.Compile("^" + expression + "$"); err == nil && r.MatchString(name) {
			return true
		}
	}
	return false
}
