package checks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sglang-tpu/cmd/internal/endpoint"
)

// leaders requests a token from each group directly, because the Service may send all requests
// to one group. All ranks of a group compute each token together.
func (q *questions) leaders(ctx context.Context, pods map[int]string, haveKey bool) {
	if !haveKey {
		q.skip("needs the API key", leadersCheck)
		return
	}
	var silent []string
	for group := range q.Outputs.Replicas {
		pod, known := pods[group]
		if !known {
			silent = append(silent, fmt.Sprintf("group %d has no leader", group))
			continue
		}
		if err := q.token(ctx, "pod/"+pod); err != nil {
			silent = append(silent, fmt.Sprintf("group %d (%s): %s", group, pod, endpoint.Message(err)))
		}
	}
	if len(silent) > 0 {
		q.fail(leadersCheck, strings.Join(silent, "; "), q.Logs()+" says why; a group that does not answer is started again by its probes within minutes")
		return
	}
	q.ok(leadersCheck, "%d of %d make a token, with all ranks of their groups", len(pods), q.Outputs.Replicas)
}

// token requests a token from a pod.
func (q *questions) token(ctx context.Context, target string) error {
	base, stop, err := q.Connect(ctx, target)
	if err != nil {
		return err
	}
	defer stop()
	var answer struct {
		Meta struct {
			Tokens int `json:"completion_tokens"`
		} `json:"meta_info"`
	}
	err = q.client(base).Ask(ctx, "/generate", map[string]any{
		"text": "Hello", "sampling_params": map[string]any{"max_new_tokens": 1, "temperature": 0},
	}, &answer)
	if err == nil && answer.Meta.Tokens == 0 {
		err = errors.New("the answer has no token")
	}
	return err
}
