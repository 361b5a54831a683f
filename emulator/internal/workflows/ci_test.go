package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ci runs .ci/run in a temporary folder, with a script in place of make. The script's first
// argument is the target.
func ci(t *testing.T, script string) (string, error) {
	t.Helper()
	checkout, programs := t.TempDir(), t.TempDir()
	text, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	require.NoError(t, err)
	run := filepath.Join(checkout, ".ci", "run")
	require.NoError(t, os.Mkdir(filepath.Dir(run), 0o700))
	require.NoError(t, os.WriteFile(run, text, 0o755))
	for name, text := range map[string]string{"make": script, "kubectl": ""} {
		require.NoError(t, os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/bash\n"+text), 0o755))
	}
	cmd := exec.Command(run)
	cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Each part waits until the other has started.
const together = `touch "begun-$1"
case $1 in
  check) other=test ;;
  test) other=check ;;
  *) exit 0 ;;
esac
for ((i = 0; i < 300; i++)); do
  if [ -e "begun-$other" ]; then echo "$1 says this"; exit 0; fi
  sleep 0.1
done
echo "$1 ran alone"
exit 1
`

func TestChecksRunInParallelWithTheTests(t *testing.T) {
	out, err := ci(t, together)
	require.NoError(t, err, out)
	assert.Regexp(t, `(?s)test says this\nci: make test passed in \d+ s\n.*check says this\nci: make check passed in \d+ s\n$`, out)
}

func TestAFailedRunReportsAllFailures(t *testing.T) {
	for _, red := range []string{"tools", "check", "test"} {
		out, err := ci(t, `echo "$1 says this"; [ "$1" != `+red+" ]\n")
		require.Error(t, err, red)
		for _, target := range []string{"tools", "check", "test"} {
			assert.Contains(t, out, target+" says this\n")
			assert.Equal(t, target == red, strings.Contains(out, "ci: make "+target+" FAILED"), "%s, and %s is red", target, red)
		}
	}
}
