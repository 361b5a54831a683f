package checks

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"

	"k8s.io/apimachinery/pkg/util/version"

	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/spec/prerequisites"
)

// printed finds a tool's version in the output of its version command. Tools without a pattern
// do not print a version.
var printed = map[string]*regexp.Regexp{
	"go":      regexp.MustCompile(`go version go(\d+\.\d+(?:\.\d+)?)`),
	"pulumi":  regexp.MustCompile(`v?(\d+\.\d+\.\d+)`),
	"gcloud":  regexp.MustCompile(`"Google Cloud SDK": "(\d+\.\d+\.\d+)"`),
	"kubectl": regexp.MustCompile(`"gitVersion": "v(\d+\.\d+\.\d+)`),
}

func (q *questions) tool(ctx context.Context, tool prerequisites.Tool) {
	out, err := q.Run(ctx, tool.Version...)
	bad := report.Failed
	if tool.Advice {
		bad = report.Warning
	}
	f := report.Finding{Check: tool.Name, Status: bad, Do: tool.Install}
	found := ""
	if pattern := printed[tool.Name]; err == nil && pattern != nil {
		match := pattern.FindSubmatch(out)
		if match == nil {
			err = fmt.Errorf("prints no version that can be read: %.60q", out)
		} else {
			found = string(match[1])
		}
	}
	switch {
	case errors.Is(err, exec.ErrNotFound):
		f.Says = "is not installed; it is for: " + tool.For
	case err != nil:
		f.Says = err.Error()
	case tool.Minimum != "" && older(found, tool.Minimum):
		f.Says = fmt.Sprintf("%s is too old; at least %s is needed, for: %s", found, tool.Minimum, tool.For)
	case found == "":
		f = report.Finding{Check: tool.Name, Status: report.OK, Says: "installed"}
	default:
		f = report.Finding{Check: tool.Name, Status: report.OK, Says: found}
	}
	q.add(f)
}

// older compares versions that the patterns in printed have matched.
func older(found, minimum string) bool {
	a, err := version.ParseGeneric(found)
	b, wrong := version.ParseGeneric(minimum)
	return err != nil || wrong != nil || a.LessThan(b)
}
