package hub

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"sglang-tpu/emulator/internal/counters"
	"sglang-tpu/emulator/internal/guests/guest"
)

// InContainer returns the client of a process in a pod, from its environment. cache is the
// cache folder; if it is empty, huggingface_hub's rules apply.
func InContainer(cache string) *Client {
	home := cmp.Or(os.Getenv("HF_HOME"), filepath.Join(os.Getenv("HOME"), ".cache", "huggingface"))
	cache = cmp.Or(cache, os.Getenv("HF_HUB_CACHE"), filepath.Join(home, "hub"))
	in := guest.FromEnv()
	return &Client{
		Cache: in.Path(cache), Token: token(), Offline: truth("HF_HUB_OFFLINE"),
		Log: os.Stderr, Bars: !truth("HF_HUB_DISABLE_PROGRESS_BARS"),
		Daemon: podDaemon{in},
	}
}

// token returns the token that huggingface_hub would use.
func token() string {
	if token := os.Getenv("HF_TOKEN"); token != "" {
		return token
	}
	file := os.Getenv("HF_TOKEN_PATH")
	if file == "" {
		return ""
	}
	text, err := os.ReadFile(guest.FromEnv().Path(file))
	if err != nil {
		return "" // huggingface_hub ignores a missing file
	}
	return strings.TrimSpace(string(text))
}

// truth reads a boolean environment variable as huggingface_hub does.
func truth(variable string) bool {
	switch strings.ToUpper(os.Getenv(variable)) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// podDaemon calls the daemon from a pod.
type podDaemon struct{ guest.Container }

func (d podDaemon) Fetched(repository string, bytes int64, first bool) error {
	return d.Post("/counters/hub", counters.Fetched{Pod: d.Pod, Repository: repository, Bytes: bytes, First: first}, nil)
}

func (d podDaemon) Fault(repository string) (string, error) { return d.TakeFault("hub", repository) }

func (d podDaemon) Write(path string) (string, error) { return d.MayWrite(path) }
