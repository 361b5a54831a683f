package hub

import (
	"os"
	"path/filepath"
	"strings"

	"sglang-tpu/emulator/internal/counters"
	"sglang-tpu/emulator/internal/guests/socket"
)

// InContainer is the client of a process in a pod, by its environment. cache is the
// folder that the process was told to use; empty: where huggingface_hub looks.
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
	return &Client{
		Cache: InRoot(cache), Token: token(), Offline: truth("HF_HUB_OFFLINE"),
		Log: os.Stderr, Bars: !truth("HF_HUB_DISABLE_PROGRESS_BARS"),
		Daemon: podDaemon{socket: os.Getenv("EMULATOR_SOCKET"), pod: os.Getenv("EMULATOR_POD")},
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
	text, err := os.ReadFile(InRoot(file))
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

// InRoot is where a path of the container is on this machine.
func InRoot(path string) string {
	root := os.Getenv("EMULATOR_ROOT")
	if root == "" || !filepath.IsAbs(path) || path == root || strings.HasPrefix(path, root+"/") {
		return path
	}
	return filepath.Join(root, path)
}

// podDaemon is the daemon as a pod's process reaches it.
type podDaemon struct{ socket, pod string }

func (d podDaemon) Fetched(repository string, bytes int64, first bool) error {
	return socket.Post(d.socket, "/counters/hub", counters.Fetched{Pod: d.pod, Repository: repository, Bytes: bytes, First: first}, nil)
}

func (d podDaemon) Fault(repository string) (string, error) {
	var said struct {
		Text string `json:"text"`
	}
	err := socket.Post(d.socket, "/cloud/faults/take", map[string]string{"on": "hub", "match": repository}, &said)
	return said.Text, err
}

func (d podDaemon) Write(path string) (string, error) {
	return MayWrite(d.socket, d.pod, path)
}

// MayWrite asks whether a pod may write a file, which only a bucket ever refuses; the
// text is then Google's.
func MayWrite(at, pod, path string) (refusal string, err error) {
	real, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	var said struct {
		Refusal string `json:"refusal"`
	}
	err = socket.Post(at, "/bucket-write", map[string]string{"pod": pod, "path": real}, &said)
	return said.Refusal, err
}
