package sgljax

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// kind of a flag's value.
type kind int

const (
	text kind = iota
	number
	decimal
	truth // no value
)

// flags are the server's that a deployment meets.
var flags = map[string]kind{
	"--model-path": text, "--revision": text, "--served-model-name": text, "--tokenizer-path": text, "--trust-remote-code": truth,
	"--device": text, "--dtype": text, "--host": text, "--port": number,
	"--tp-size": number, "--dp-size": number, "--dp-schedule-policy": text, "--ep-size": number, "--ep-num-redundant-experts": number,
	"--nnodes": number, "--node-rank": number, "--dist-init-addr": text, "--dist-timeout": number,
	"--mem-fraction-static": decimal, "--max-running-requests": number, "--context-length": number,
	"--page-size": number, "--chunked-prefill-size": number, "--watchdog-timeout": decimal, "--random-seed": number,
	"--api-key": text, "--moe-backend": text, "--enable-metrics": truth, "--disable-precompile": truth,
	"--quantization": text, "--quantization-config-path": text, "--attention-backend": text, "--log-level": text,
	"--download-dir": text, "--load-format": text, "--skip-server-warmup": truth, "--disable-radix-cache": truth,
}

// arguments are parsed flags by full name.
type arguments map[string]string

// parse does what Python's argparse does, down to abbreviations; the error is its text.
func parse(args []string) (arguments, error) {
	parsed := arguments{}
	var unknown []string
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		if !strings.HasPrefix(name, "--") {
			unknown = append(unknown, args[i])
			continue
		}
		matches := match(name)
		if len(matches) > 1 {
			return nil, fmt.Errorf("ambiguous option: %s could match %s", name, strings.Join(matches, ", "))
		}
		if len(matches) == 0 {
			unknown = append(unknown, args[i])
			continue
		}
		name = matches[0]
		if flags[name] == truth {
			if inline {
				return nil, fmt.Errorf("argument %s: ignored explicit argument '%s'", name, value)
			}
			parsed[name] = "true"
			continue
		}
		if !inline {
			if i++; i == len(args) || strings.HasPrefix(args[i], "--") {
				return nil, fmt.Errorf("argument %s: expected one argument", name)
			}
			value = args[i]
		}
		if err := valid(name, value); err != nil {
			return nil, err
		}
		parsed[name] = value
	}
	if parsed["--model-path"] == "" {
		return nil, fmt.Errorf("the following arguments are required: --model-path/--model")
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("unrecognized arguments: %s", strings.Join(unknown, " "))
	}
	return parsed, nil
}

func match(name string) []string {
	if _, ok := flags[name]; ok {
		return []string{name}
	}
	var found []string
	for full := range flags {
		if strings.HasPrefix(full, name) {
			found = append(found, full)
		}
	}
	sort.Strings(found)
	return found
}

func valid(name, value string) error {
	var err error
	typ := "int"
	switch flags[name] {
	case number:
		_, err = strconv.Atoi(value)
	case decimal:
		typ = "float"
		_, err = strconv.ParseFloat(value, 64)
	}
	if err != nil {
		return fmt.Errorf("argument %s: invalid %s value: '%s'", name, typ, value)
	}
	return nil
}

// number of a flag, or what it is without.
func (a arguments) number(name string, otherwise int) int {
	n, err := strconv.Atoi(a[name])
	if err != nil {
		return otherwise
	}
	return n
}
