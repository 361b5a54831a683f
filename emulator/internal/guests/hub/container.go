package hub

import (
	"os"
	"path/filepath"
	"strings"

	"sglang-tpu/emulator/internal/counters"
	"sglang-tpu/emulator/internal/guests/guest"
)

// InContainer is the client of a process in a pod, by its environment. cache is the
// folder that the process was given; empty: where huggingface_hub looks.
func InContainer(cache string) *Client {
	if cache == "" {
		cache = os.Getenv("HF_HUB_CACHE")
	}
	if cache == "" {
		home := os.Getenv("HF_HOME")
		if home == "" {
			home = filepath.Join(os.Getenv("HOME"), ".cache", "huggingface")
		}
		cache = filepath.Join(home, "hub")
	}
	in := guest.FromEnv()
	return &Client{
		Cache: in.Path(cache), Token: token(), Offline: truth("HF_HUB_OFFLINE"),
		Log: os.Stderr, Bars: !truth("HF_HUB_DISABLE_PROGRESS_BARS"),
		Daemon: podDaemon{in},
	}
}

// token is looked for where huggingface_hub looks, in its order.
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
		return "" // as if nobody had logged in
	}
	return strings.TrimSpace(string(text))
}

// truth reads a variable as huggingface_hub does.
func truth(variable string) bool {
	switch strings.ToUpper(os.Getenv(variable)) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// podDaemon is the daemon as a pod's process reaches it.
type podDaemon struct{ guest.Container }

func (d podDaemon) Fetched(repository string, bytes int64, first bool) error {
	return d.Post("/counters/hub", counters.Fetched{Pod: d.Pod, Repository: repository, Bytes: bytes, First: first}, nil)
}

func (d podDaemon) Fault(repository string) (string, error) { return d.TakeFault("hub", repository) }

func (d podDaemon) Write(path string) (string, error) { return d.MayWrite(path) }
