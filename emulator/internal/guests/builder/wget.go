package builder

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"sglang-tpu/emulator/internal/guests/guest"
)

// Wget implements busybox's wget with the options -q, -O and --header.
func Wget(args []string) int {
	if err := wget(args, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wget:", err)
		return 1
	}
	return 0
}

func wget(args []string, stdout io.Writer) error {
	var target, output string
	header := http.Header{}
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-q":
		case args[i] == "-O" && i+1 < len(args):
			i++
			output = args[i]
		case args[i] == "--header" && i+1 < len(args):
			i++
			name, value, ok := strings.Cut(args[i], ":")
			if !ok {
				return fmt.Errorf("bad header '%s'", args[i])
			}
			header.Set(name, strings.TrimSpace(value))
		case strings.HasPrefix(args[i], "-"):
			return fmt.Errorf("unrecognized option '%s'", args[i])
		default:
			target = args[i]
		}
	}
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil || req.URL.Host == "" {
		return fmt.Errorf("not an http or ftp url: %s", target)
	}
	if output == "" {
		return errors.New("only downloads with the option -O are emulated")
	}
	req.Header = header
	res, err := transport{}.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 400 {
		return fmt.Errorf("server returned error: HTTP/1.1 %s", res.Status)
	}
	if output != "-" {
		if !strings.HasPrefix(output, "/dev/") { // devices are shared
			output = guest.FromEnv().Path(output)
		}
		file, err := os.Create(output)
		if err != nil {
			return err
		}
		defer file.Close()
		stdout = file
	}
	_, err = io.Copy(stdout, res.Body)
	return err
}
