package builder

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	remotetransport "github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// refusal returns buildctl's error for a push that a registry has rejected.
func refusal(reference string, err error) error {
	refused := asked(err)
	switch {
	case refused == nil:
		return fmt.Errorf("failed to push %s: %w", reference, err)
	case !forToken(refused):
		return fmt.Errorf("failed to push %s: %s", reference, why(refused))
	case refused.Request.Header.Get("Authorization") == "":
		return fmt.Errorf("failed to fetch anonymous token: %s", status(refused))
	}
	return fmt.Errorf("failed to fetch oauth token: %s", why(refused))
}

// layersRefusal returns buildctl's error for a rejected push of a layer cache.
func layersRefusal(err error) error {
	refused := asked(err)
	switch {
	case refused == nil:
		return fmt.Errorf("error writing layer blob: %w", err)
	case forToken(refused):
		return fmt.Errorf("failed to fetch oauth token: %s", why(refused))
	}
	return fmt.Errorf("error writing layer blob: %s\n%s", status(refused), why(refused))
}

// asked returns the registry's response in an error; nil if there was none.
func asked(err error) *remotetransport.Error {
	var refused *remotetransport.Error
	if !errors.As(err, &refused) || refused.Request == nil {
		return nil
	}
	return refused
}

func forToken(refused *remotetransport.Error) bool {
	return strings.HasSuffix(refused.Request.URL.Path, "/token")
}

func status(refused *remotetransport.Error) string {
	// BuildKit asks for the same permissions in another order.
	url := strings.Replace(refused.Request.URL.String(), "%3Apush%2Cpull", "%3Apull%2Cpush", 1)
	return fmt.Sprintf("unexpected status from %s request to %s: %d %s", refused.Request.Method, url, refused.StatusCode, http.StatusText(refused.StatusCode))
}

// codes are the error codes that BuildKit knows; it prints others as unknown.
var codes = []string{"UNAUTHORIZED", "DENIED", "UNAVAILABLE", "UNSUPPORTED", "TOOMANYREQUESTS"}

// why returns the registry's reasons, or the status if it gave none.
func why(refused *remotetransport.Error) string {
	if len(refused.Errors) == 0 {
		return status(refused)
	}
	var said []string
	for _, reason := range refused.Errors {
		code := "unknown"
		if slices.Contains(codes, string(reason.Code)) {
			code = strings.ToLower(string(reason.Code))
		}
		said = append(said, code+": "+reason.Message)
	}
	return strings.Join(said, "\n")
}
