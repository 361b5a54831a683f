package gcpplugin

import (
	"context"
	"errors"
	"io"
	"regexp"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/core/cloud"
)

const (
	// attempts is how often the provider's transport tries in its 90 seconds, after 0.5, 1,
	// 1.5, 2.5, 4 ... seconds (transport/retry_transport.go of
	// hashicorp/terraform-provider-google). The surrounding operation retries further until
	// its timeout. A fault that outlasts the attempts represents one that outlasts the timeout.
	attempts     = 10
	firstBackoff = 5 * time.Millisecond // scaled
)

// retryable matches the errors after which the provider retries (defaultErrorRetryPredicates in
// transport/error_retry_predicates.go): common codes, an operation in progress, a network that
// is not ready, and a quota of requests per minute.
var retryable = regexp.MustCompile(`googleapi: Error (429|500|502|503)|Error 409: .*operationInProgress|Error 400: .*networks.*resourceNotReady|Error 403: Quota exceeded for quota metric '.*' and limit '.* per minute' of service`)

// retried sends a request and retries as the provider does, also if the response is lost
// (isIoEOFError and isConnectionResetNetworkError in the same file).
func retried(ctx context.Context, ask func() (cloud.Reply, error)) (cloud.Reply, error) {
	pause, next := firstBackoff, firstBackoff
	for i := 1; ; i++ {
		reply, err := ask()
		lost := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
		if i == attempts || !lost && (!reply.Refused || !retryable.MatchString(reply.Error)) {
			return reply, err
		}
		select {
		case <-ctx.Done():
			return reply, ctx.Err()
		case <-time.After(pause):
			pause, next = pause+next, pause
		}
	}
}
