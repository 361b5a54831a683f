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
