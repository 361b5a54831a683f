// Package arguments merges a user's server arguments with ours, by flag name.
package arguments

import (
	"errors"
	"fmt"
	"strings"
)

// Argument is one flag and its values: none for a switch, several for a list.
type Argument struct {
	Flag   string // in full, such as --page-size
	Values []string
}

// Owned are the flags that the program computes or that have a setting of their own,
// by what to do instead. A user's value could only contradict.
var Owned = map[string]string{
	"--tp-size":                "it is the number of devices of the topology; set sglang-tpu:topology",
	"--tensor-parallel-size":   "it is the number of devices of the topology; set sglang-tpu:topology",
	"--dp-size":                "it follows from the model's attention heads and the devices; set sglang-tpu:topology",
	"--data-parallel-size":     "it follows from the model's attention heads and the devices; set sglang-tpu:topology",
	"--ep-size":                "it follows from the model's experts and the devices; set sglang-tpu:topology",
	"--nnodes":                 "it is the number of hosts of the topology; set sglang-tpu:topology",
	"--node-rank":              "it is the pod's index in its group, which the LeaderWorkerSet controller gives; remove it",
	"--dist-init-addr":         "it is the address of the group's leader, known only in the pod; remove it",
	"--jax-proc-id":            "it is the pod's index in its group, which the LeaderWorkerSet controller gives; remove it",
	"--jax-num-procs":          "it is the number of hosts of the topology; set sglang-tpu:topology",
	"--host":                   "probes and the Service reach the server only on all addresses of the pod; remove it",
	"--port":                   "probes and the Service know the port; remove it",
	"--model-path":             "the plan is made for sglang-tpu:model; set that",
	"--model":                  "the plan is made for sglang-tpu:model; set that",
	"--revision":               "the weights are fetched for sglang-tpu:modelRevision; set that",
	"--download-dir":           "the weights are where sglang-tpu:cache has them; remove it",
	"--device":                 "the pods run on TPUs; remove it",
	"--api-key":                "it would stand in plain text in the pods; run: pulumi config set --secret sglang-tpu:apiKey KEY",
	"--disable-precompile":     "the first readiness probe would compile, and time out for ever; remove it",
	"--disable-jax-precompile": "the first readiness probe would compile, and time out for ever; remove it",
}

// Parse reads arguments as they are typed: "--flag", "--flag value" in two entries, or
// "--flag=value". The error joins everything that is wrong, each naming its entry.
func Parse(words []string) ([]Argument, error) {
	var parsed []Argument
	var errs []error
	seen := map[string]bool{}
	for _, word := range words {
		switch {
		case strings.TrimSpace(word) == "":
			errs = append(errs, errors.New("an entry is empty; remove it"))
		case !strings.HasPrefix(word, "--") && len(parsed) == 0:
			errs = append(errs, fmt.Errorf("%q comes before any flag; begin with a flag such as --context-length", word))
		case !strings.HasPrefix(word, "--"):
			last := &parsed[len(parsed)-1]
			last.Values = append(last.Values, word)
		default:
			flag, value, inline := strings.Cut(word, "=")
			if strings.ContainsAny(flag, " \t\n") {
				errs = append(errs, fmt.Errorf("%q is a flag and its value in one entry; make it two", word))
			}
			if seen[flag] {
				errs = append(errs, fmt.Errorf("%q is given twice; give it once", flag))
			}
			seen[flag] = true
			parsed = append(parsed, Argument{Flag: flag})
			if inline {
				parsed[len(parsed)-1].Values = []string{value}
			}
		}
	}
	return parsed, errors.Join(errs...)
}

// Check refuses what the program owns, and abbreviations: argparse takes --tp for
// --tp-size, so an abbreviation could contradict unseen. Ours are the program's own
// arguments.
func Check(users []Argument, ours []string) error {
	var errs []error
	for _, u := range users {
		if why, ok := Owned[u.Flag]; ok {
			errs = append(errs, fmt.Errorf("%q is not for you to set: %s", u.Flag, why))
			continue
		}
		if full := abbreviates(u.Flag, ours); full != "" {
			errs = append(errs, fmt.Errorf("%q is an abbreviation of %s; %s", u.Flag, full, insteadOf(full)))
		}
	}
	return errors.Join(errs...)
}

func insteadOf(full string) string {
	if why, ok := Owned[full]; ok {
		return "that is not for you to set: " + why
	}
	return "write it in full"
}

// abbreviates finds the first flag of which this is a part; empty for none.
func abbreviates(flag string, ours []string) string {
	found := ""
	consider := func(full string) {
		if strings.HasPrefix(full, flag) && (found == "" || full < found) {
			found = full
		}
	}
	for _, word := range ours {
		if word == flag {
			return ""
		}
		consider(word)
	}
	for full := range Owned {
		consider(full)
	}
	return found
}

// Merge puts the users' values in the place of ours with the same flag, and what is
// new at the end.
func Merge(ours []string, users []Argument) []string {
	theirs := map[string]Argument{}
	for _, u := range users {
		theirs[u.Flag] = u
	}
	var merged []string
	replacing := false
	for _, word := range ours {
		if strings.HasPrefix(word, "--") {
			u, ok := theirs[word]
			replacing = ok
			if ok {
				merged = append(append(merged, word), u.Values...)
				delete(theirs, word)
			}
		}
		if !replacing {
			merged = append(merged, word)
		}
	}
	for _, u := range users {
		if _, ok := theirs[u.Flag]; ok {
			merged = append(append(merged, u.Flag), u.Values...)
		}
	}
	return merged
}

// Value is the one value of a flag; false if it is not given or has not one.
func Value(given []Argument, flag string) (string, bool) {
	for _, a := range given {
		if a.Flag == flag && len(a.Values) == 1 {
			return a.Values[0], true
		}
	}
	return "", false
}
