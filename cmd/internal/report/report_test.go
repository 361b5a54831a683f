package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheReportFailsIfACheckDid(t *testing.T) {
	findings := []Finding{
		{Check: "go", Status: OK, Says: "1.26.8"},
		{Check: "kubectl", Status: Warning, Says: "too old", Do: "install it"},
		{Check: "free chips", Status: Unknown, Says: "nobody says"},
	}
	var out strings.Builder
	assert.Equal(t, 0, Print(&out, findings))
	assert.Equal(t, `ok         go          1.26.8
warning    kubectl     too old
not asked  free chips  nobody says

To do:
  kubectl (warning)
      install it

none of 3 checks failed
`, out.String())

	out.Reset()
	assert.Equal(t, 1, Print(&out, append(findings, Finding{Check: "zone", Status: Failed, Says: "no chips", Do: "another zone"})))
	assert.Contains(t, out.String(), "\n1 of 4 checks failed\n")
	assert.Equal(t, 1, strings.Count(out.String(), "To do:"))
}

func TestALongFindingIsWrappedInItsColumn(t *testing.T) {
	findings := []Finding{
		{Check: "go", Status: OK, Says: "1.26.8"},
		{Check: "kubectl", Status: Warning, Says: "1.32.4 is too old; at least 1.34 is wanted, for: looking at pods and reaching the endpoint"},
		{Check: "login", Status: Failed, Says: "see https://cloud.google.com/docs/authentication/external/set-up-adc"},
	}
	var out strings.Builder
	write(&out, findings, 60)
	table, _, _ := strings.Cut(out.String(), "\n\n")
	assert.Equal(t, `ok       go       1.26.8
warning  kubectl  1.32.4 is too old; at least 1.34 is
                  wanted, for: looking at pods and reaching
                  the endpoint
FAILED   login    see
                  https://cloud.google.com/docs/authentication/external/set-up-adc`, table)
	for _, width := range []int{0, 30} {
		out.Reset()
		write(&out, findings, width)
		assert.Contains(t, out.String(), findings[1].Says, "no terminal, or one too narrow for columns")
	}
}
