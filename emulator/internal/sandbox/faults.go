package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"sglang-tpu/emulator/internal/core/cloud"
)

// counters prints or resets the counts.
func counters(ctx context.Context, s *Sandbox, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "reset":
		return s.Daemon().Post(ctx, "/counters/reset", nil, nil)
	case len(args) > 0:
		return errUsage
	}
	var counts any
	if err := s.Daemon().Get(ctx, "/counters", &counts); err != nil {
		return err
	}
	return s.printJSON(counts)
}

func (s *Sandbox) printJSON(v any) error {
	write := json.NewEncoder(s.Out)
	write.SetIndent("", "  ")
	return write.Encode(v)
}

// secret adds a version to a secret, like gcloud secrets versions add.
func secret(ctx context.Context, s *Sandbox, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	value, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	return s.Daemon().Post(ctx, "/cloud/secrets", map[string]string{"secret": args[0], "value": strings.TrimRight(string(value), "\n")}, nil)
}

// Default texts of faults.
const (
	hubText = "requests.exceptions.ConnectionError: (MaxRetryError(\"HTTPSConnectionPool(host='cas-bridge.xethub.hf.co', port=443): Max retries exceeded\"), '(Request ID: emulated)')"
	// https://cloud.google.com/storage/quotas#bandwidth
	bucketText = "googleapi: Error 429: Quota exceeded for quota metric 'Data placement ingress bandwidth' and limit 'Ingress bandwidth per region' of service 'storage.googleapis.com'., rateLimitExceeded"
	// Compute Engine documentation, Troubleshooting resource availability.
	stockoutText = "ZONE_RESOURCE_POOL_EXHAUSTED"
	always       = 1 << 30
)

// fault lists, adds or removes faults.
func fault(ctx context.Context, s *Sandbox, args []string) error {
	var faults []cloud.Fault
	if err := s.Daemon().Get(ctx, "/cloud/faults", &faults); err != nil {
		return err
	}
	if len(args) == 0 {
		return s.printJSON(faults)
	}
	if args[0] == "iam" && len(args) == 2 {
		return removeMembers(ctx, s, args[1])
	}
	if args[0] == "clear" && len(args) == 1 {
		return s.Daemon().Post(ctx, "/cloud/faults", []cloud.Fault{}, nil)
	}
	f, err := parseFault(args)
	if err != nil {
		return err
	}
	return s.Daemon().Post(ctx, "/cloud/faults", append(faults, f), nil)
}

func parseFault(args []string) (cloud.Fault, error) {
	texts := map[string]string{"create": "", "update": "", "scale-up": stockoutText, "hub": hubText, "bucket": bucketText, "load": "60"}
	text, known := texts[args[0]]
	if !known || len(args) < 2 || len(args) > 4 {
		return cloud.Fault{}, errUsage
	}
	f := cloud.Fault{On: args[0], Match: args[1], Text: text, Times: 1}
	if f.On == "bucket" || f.On == "load" || f.On == "scale-up" {
		// Retries do not end these conditions.
		f.Times = always
	}
	if len(args) > 2 && args[2] != "" {
		f.Text = args[2]
	}
	if len(args) > 3 {
		times, err := strconv.Atoi(args[3])
		if err != nil || times < 1 {
			return f, fmt.Errorf("%q is not a number of times", args[3])
		}
		f.Times = times
	}
	if f.Text == "" {
		return f, errUsage
	}
	return f, nil
}

// removeMembers removes IAM members without the program's knowledge.
func removeMembers(ctx context.Context, s *Sandbox, match string) error {
	all, err := s.Daemon().Resources(ctx)
	if err != nil {
		return err
	}
	removed := 0
	for _, r := range all {
		if !strings.Contains(strings.ToLower(r.Type), "iammember") || !strings.Contains(r.ID, match) {
			continue
		}
		if err := s.Daemon().Delete(ctx, r.Type, r.ID); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, "removed", r.ID)
		removed++
	}
	if removed == 0 {
		return fmt.Errorf("there is no IAM member whose ID contains %q", match)
	}
	return nil
}

// Delete deletes a resource of the emulated cloud, like a person with gcloud.
func (d Daemon) Delete(ctx context.Context, typ, id string) error {
	var reply cloud.Reply
	if err := d.Post(ctx, "/cloud/delete", cloud.Request{Type: typ, ID: id}, &reply); err != nil {
		return err
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	return nil
}
