package serverargs

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUsersCannotSetComputedArguments(t *testing.T) {
	for flag, why := range map[string]string{
		"--tp-size": "the number of devices", "--tensor-parallel-size": "the number of devices", "--dp-size": "attention heads",
		"--data-parallel-size": "attention heads", "--ep-size": "experts", "--nnodes": "the number of hosts", "--node-rank": "index in its group",
		"--dist-init-addr": "group's leader", "--host": "all addresses", "--port": "use this port",
		"--model-path": "set sglang-tpu:model", "--model": "set sglang-tpu:model", "--api-key": "--secret sglang-tpu:apiKey", "--jax-proc-id": "index in its group",
		"--disable-precompile": "time out", "--help": "prints its help", "-h": "prints its help",
		// What argparse would take for one of them.
		"--tp": "abbreviation of --tp-size, which cannot be set", "--tensor": "abbreviation of --tensor-parallel-size",
		"--nn": "abbreviation of --nnodes", "--api": "abbreviation of --api-key", "--disable-pre": "abbreviation of --disable-precompile",
		"--dp": `"--dp" is ambiguous: it could be --dp-size or --dp-schedule-policy; write one of them in full`,
		// What the server takes, and what cannot work here.
		"--enable-single-process": "no process of its own", "--multimodal": "a different server", "--vae-sp": "belongs to --multimodal",
		"--device-indexes": "set sglang-tpu:topology", "--pd-disaggregation": "splits prefill and decode", "--pd-num-decode": "splits prefill and decode",
		"--disaggregation-mode": "splits prefill and decode", "--no-disaggregation-use-raiden": "splits prefill and decode",
	} {
		for _, other := range []bool{false, true} {
			read := Read([]string{flag, "1"}, other)
			assert.ErrorContains(t, read.Err, why, "%s, other parser: %v", flag, other)
			assert.Empty(t, read.Doubts)
		}
	}
}

func TestArgumentsThatTheServersParserWouldReject(t *testing.T) {
	for name, tc := range map[string]struct {
		words []string
		want  string
	}{
		"an unknown name":          {[]string{"--maximum-running-requests", "16"}, `"--maximum-running-requests" is not an argument of the server (did you mean --max-running-requests?); docs/server-arguments.md says where the server's arguments are listed`},
		"of a different server":    {[]string{"--zeta"}, `"--zeta" is not an argument of the server; docs/server-arguments.md says where the server's arguments are listed`},
		"a single hyphen":          {[]string{"-page-size", "64"}, `"-page-size" is not an argument of the server (did you mean --page-size?)`},
		"an abbreviation":          {[]string{"--page", "64"}, `"--page" is an abbreviation of --page-size; write it in full`},
		"of several":               {[]string{"--disable"}, `"--disable" is ambiguous: it could be --disable-overlap-schedule, --disable-hybrid-swa-memory, --disable-radix-cache, --disable-precompile or 2 others; write one of them in full`},
		"no value":                 {[]string{"--page-size"}, `--page-size takes one value; give it in the entry after the flag`},
		"no values":                {[]string{"--precompile-bs-paddings", "--enable-metrics"}, `--precompile-bs-paddings takes one value or several; give it in the entry after the flag`},
		"a value like a flag":      {[]string{"--served-model-name", "-x"}, `--served-model-name has no value: the server takes "-x" for a flag; write "--served-model-name=-x" in one entry`},
		"too many values":          {[]string{"--page-size", "64", "128"}, `--page-size takes one value, but has ["64" "128"]; give only one value`},
		"values after an equals":   {[]string{"--lora-paths=org/a", "org/b"}, `"--lora-paths" has the value "org/a" after =, so "org/b" belongs to no flag; give each value an entry of its own`},
		"a value of a switch":      {[]string{"--enable-metrics", "true"}, `"--enable-metrics" takes no value, but has "true"; remove the value`},
		"a fraction":               {[]string{"--page-size", "1.5"}, `--page-size "1.5" is not a whole number; use digits only`},
		"a hexadecimal number":     {[]string{"--watchdog-timeout", "0x10"}, `--watchdog-timeout "0x10" is not a number; use a number such as 300`},
		"one of several":           {[]string{"--precompile-bs-paddings", "1", "x"}, `--precompile-bs-paddings "x" is not a whole number; use digits only`},
		"a choice":                 {[]string{"--dtype", "floaty16"}, `--dtype "floaty16" is not one of its choices (did you mean float16?); use auto, half, float16, bfloat16, float, float32`},
		"a number that is none":    {[]string{"--log-requests-level", "7"}, `--log-requests-level "7" is not one of its choices; use 0, 1, 2, 3`},
		"the end of all arguments": {[]string{"--", "1"}, `"--" is not an argument of the server, which takes no positional arguments; remove it`},
	} {
		t.Run(name, func(t *testing.T) {
			read := Read(tc.words, false)
			require.Error(t, read.Err)
			assert.Empty(t, read.Doubts)
			assert.True(t, strings.HasPrefix(read.Err.Error(), tc.want), "%s", read.Err)
		})
	}
}

func TestAllArgumentsAreParsedTogether(t *testing.T) {
	read := Read([]string{"4", "", "--context-length 4096", "--page-size", "a", "--enable-metrics", "--page-size=2", "--dtype", "--speed"}, false)
	lines := strings.Split(read.Err.Error(), "\n")
	for i, want := range []string{
		`"4" comes before any flag`, "an entry is empty", `"--context-length 4096" is a flag and its value in one entry; write them as two entries`,
		`--page-size "a" is not a whole number`, `"--page-size" is given twice; give it once`, `--dtype has no value`,
	} {
		require.Greater(t, len(lines), i)
		assert.Contains(t, lines[i], want)
	}
	assert.Len(t, lines, 6)

	read = Read([]string{"--speculative-draft-model", "a", "--speculative-draft-model-path", "b"}, false)
	assert.ErrorContains(t, read.Err, `"--speculative-draft-model-path" is given twice`, "by another name")
}

// Another commit's parser may know more, and other choices.
func TestForAnUnknownParserOnlyTheProgramsOwnArgumentsAreErrors(t *testing.T) {
	read := Read([]string{"--speed", "9", "--page", "64", "--kv-cache-dtype", "fp8", "--enable-metrics", "json", "--page-size", "64"}, true)
	require.NoError(t, read.Err)
	require.Len(t, read.Doubts, 4)
	for i, want := range []string{`"--speed" is not an argument`, `"--page" is an abbreviation`, `--kv-cache-dtype "fp8" is not one of`, `"--enable-metrics" takes no value`} {
		assert.Contains(t, read.Doubts[i].Error(), want)
	}
	assert.Equal(t, "--speed 9 --page 64 --kv-cache-dtype fp8 --enable-metrics json --page-size 64", strings.Join(read.Arguments.Words(), " "), "they are passed on")

	read = Read([]string{"--page-size 64", "--page-size", "1", "--page-size", "2"}, true)
	assert.ErrorContains(t, read.Err, "write them as two entries")
	assert.ErrorContains(t, read.Err, "given twice")
}

// stricter is what this program refuses and the parser takes, each for a reason.
var stricter = []string{"cannot be set", "is an abbreviation of", "is given twice"}

// The verdicts are those of the server's own parser; the file says how they were made.
func TestEveryListHasTheResultOfTheRealParser(t *testing.T) {
	text, err := os.ReadFile("testdata/verdicts.jsonl")
	require.NoError(t, err)
	assert.Contains(t, string(text), Commit, "the verdicts and the table are of one commit")
	recipes, refused := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var list struct {
			From, Verdict string
			Words         []string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &list))
		if len(list.Words) > 1 && list.Words[0] == "--model-path" {
			list.Words = list.Words[2:] // it is the program that gives it
		}
		read := Read(list.Words, false)
		switch {
		case list.Verdict == "accepted":
			if strings.Contains(list.From, "/") {
				recipes++
			}
			for _, problem := range problems(read.Err) {
				assert.True(t, containsAny(problem, stricter), "%q: %s", list.Words, problem)
			}
		case strings.Contains(list.Verdict, "are required"):
			// What is required is the program's to give.
		default:
			refused++
			assert.Error(t, read.Err, "%q: %s", list.Words, list.Verdict)
		}
	}
	assert.GreaterOrEqual(t, recipes, 40)
	assert.GreaterOrEqual(t, refused, 60)
}

func problems(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

func TestTheTableIsComplete(t *testing.T) {
	assert.Len(t, Commit, 40)
	assert.Len(t, Options, 172)
	seen := map[string]bool{}
	for _, o := range Options {
		for _, name := range o.Names {
			assert.False(t, seen[name], name)
			seen[name] = true
			assert.True(t, strings.HasPrefix(name, "--"), name)
		}
		assert.Contains(t, []string{"Store", "StoreTrue", "StoreFalse", "BooleanOptional"}, o.Action, o.Names)
		assert.Contains(t, []string{"0", "1", "?", "*", "+"}, o.Values, o.Names)
		assert.Contains(t, []string{"int", "float", "str", "nullable_str", "-"}, o.Type, o.Names)
		assert.True(t, o.Required || json.Valid([]byte(o.Default)), o.Names)
	}
	for flag := range owned {
		if Lookup(flag) == nil {
			assert.Contains(t, []string{"--jax-proc-id", "--jax-num-procs", "--disable-jax-precompile"}, flag, "not at this commit")
		} else {
			assert.Equal(t, flag, Lookup(flag).Names[0], "it is looked up by this name")
		}
	}
}

func TestNumbersAreReadAsPythonReadsThem(t *testing.T) {
	for text, want := range map[string]int{"64": 64, " 64\n": 64, "+7": 7, "-1": -1, "007": 7, "1_000": 1000, "99999999999999999999": 1<<63 - 1} {
		n, ok := Int(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, n, text)
	}
	for _, text := range []string{"", "1.0", "0x10", "1__0", "_1", "1_", "1e3", "1 0", "eight"} {
		_, ok := Int(text)
		assert.False(t, ok, text)
	}
	for text, want := range map[string]float64{"0.88": 0.88, ".5": 0.5, "5.": 5, "5e-1": 0.5, "1_0.2_5": 10.25, " 1 ": 1, "-2": -2} {
		f, ok := Float(text)
		assert.True(t, ok, text)
		assert.InDelta(t, want, f, 1e-9, text)
	}
	for _, text := range []string{"inf", "-Infinity", "NaN", "1e999"} {
		_, ok := Float(text)
		assert.True(t, ok, text)
	}
	for _, text := range []string{"", ".", "0x1p-1", "1_.5", "1._5", "0,9", "90%", "e5", "infinite"} {
		_, ok := Float(text)
		assert.False(t, ok, text)
	}
	for text, want := range map[string]bool{"-1": true, "-1.5": true, "-.5": true, "-1e5": false, "-inf": false, "-x": false, "1": false} {
		assert.Equal(t, want, LooksNegative(text), text)
	}
}
