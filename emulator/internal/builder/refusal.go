package builder

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	remotetransport "github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// refusal is why a registry did not take an image, as buildctl prints it.
func refusal(reference string, err error) error {
	var refused *remotetransport.Error
	if !errors.As(err, &refused) || refused.Request == nil {
		return fmt.Errorf("failed to push %s: %w", reference, err)
	}
	if !strings.HasSuffix(refused.Request.URL.Path, "/token") {
		return fmt.Errorf("failed to push %s: %s", reference, reasons(refused))
	}
	if refused.Request.Header.Get("Authorization") == "" {
		refused.Errors = nil // BuildKit does not read them here
		return fmt.Errorf("failed to fetch anonymous token: %s", reasons(refused))
	}
	return fmt.Errorf("failed to fetch oauth token: %s", reasons(refused))
}

// codes are those that BuildKit knows; it prints any other as unknown.
var codes = []string{"UNAUTHORIZED", "DENIED", "UNAVAILABLE", "UNSUPPORTED", "TOOMANYREQUESTS"}

func reasons(refused *remotetransport.Error) string {
	if len(refused.Errors) == 0 {
		// BuildKit asks for the same permissions in another order.
		url := strings.Replace(refused.Request.URL.String(), "%3Apush%2Cpull", "%3Apull%2Cpush", 1)
		return fmt.Sprintf("unexpected status from %s request to %s: %d %s", refused.Request.Method, url, refused.StatusCode, http.StatusText(refused.StatusCode))
	}
	var said []string
	for _, why := range refused.Errors {
		code := "unknown"
		if slices.Contains(codes, string(why.Code)) {
			code = strings.ToLower(string(why.Code))
		}
		said = append(said, code+": "+why.Message)
	}
	return strings.Join(said, "\n")
}
