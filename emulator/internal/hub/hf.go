package hub

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// CLI is the command hf; it returns the exit code.
func CLI(args []string) int {
	if len(args) > 0 && args[0] == "version" {
		fmt.Println("huggingface_hub version: 0.34.6")
		return 0
	}
	if len(args) == 0 || args[0] != "download" {
		fmt.Fprintf(os.Stderr, "usage: hf <command> [<args>]\nhf: error: argument {download,version}: invalid choice: '%s'\n", strings.Join(args, " "))
		return 2
	}
	o, err := parse(args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "usage: hf <command> [<args>] download [-h] [--revision REVISION] [...] repo_id [filenames ...]\nhf <command> [<args>] download: error: %v\n", err)
		return 2
	}
	return o.run(os.Stdout, os.Stderr)
}

// options of hf download.
type options struct {
	id, revision, cache, token string
	names, include, exclude    []string
	quiet                      bool
	workers                    int
}

// parse does what argparse does with this command.
func parse(args []string) (options, error) {
	o := options{workers: 8}
	var positional []string
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		one := func() (string, error) {
			if inline {
				return value, nil
			}
			if i++; i == len(args) || strings.HasPrefix(args[i], "--") {
				return "", fmt.Errorf("argument %s: expected one argument", name)
			}
			return args[i], nil
		}
		many := func() []string {
			if inline {
				return []string{value}
			}
			var values []string
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
		case "--cache-dir":
			o.cache, err = one()
		case "--token":
			o.token, err = one()
		case "--repo-type":
			if value, err = one(); err == nil && value != "model" {
				err = fmt.Errorf("argument --repo-type: '%s' is not emulated", value)
			}
		case "--max-workers":
			if value, err = one(); err == nil {
				if o.workers, err = strconv.Atoi(value); err != nil {
					err = fmt.Errorf("argument --max-workers: invalid int value: '%s'", value)
				}
			}
		case "--include":
			o.include = many()
		case "--exclude":
			o.exclude = many()
		case "--quiet":
			o.quiet = true
		default:
			if strings.HasPrefix(args[i], "--") {
				return o, fmt.Errorf("unrecognized arguments: %s", args[i])
			}
			positional = append(positional, args[i])
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

func (o options) run(stdout, stderr io.Writer) int {
	c := InContainer(o.cache)
	c.Workers, c.Log = o.workers, stderr
	if o.token != "" {
		c.Token = o.token
	}
	if o.quiet {
		c.Log = nil
	}
	folder, err := o.download(c)
	if err != nil {
		fmt.Fprintf(stderr, "Traceback (most recent call last):\n  File \"/usr/local/bin/hf\", line 10, in <module>\n%v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, folder)
	return 0
}

func (o options) download(c *Client) (string, error) {
	include, exclude := o.include, o.exclude
	if len(o.names) > 0 {
		include, exclude = o.names, nil
	}
	folder, err := c.Snapshot(context.Background(), o.id, o.revision, func(name string) bool {
		return (len(include) == 0 || matches(include, name)) && !matches(exclude, name)
	})
	if err != nil || len(o.names) != 1 {
		return folder, err
	}
	// A single file is asked for by name, and must be there.
	file := folder + "/" + o.names[0]
	if _, err := os.Stat(file); err != nil {
		if c.Offline {
			return "", noFile(o.id, o.revision, o.names[0])
		}
		return "", entryNotFound(o.id, folder[strings.LastIndex(folder, "/")+1:], o.names[0])
	}
	return file, nil
}

// matches is Python's fnmatch, in which * crosses folders.
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
