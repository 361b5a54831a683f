package builder

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Wget is busybox's wget with the options -q, -O and --header.
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
	if err != nil {
		return fmt.Errorf("not an http or ftp url: %s", target)
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
	if output != "-" && output != "" {
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
