package serving

import (
	"strconv"
	"time"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// graceSeconds covers preStop and the time in which a server finishes the requests that
	// it is answering.
	graceSeconds = 120
	// preStopSeconds delays the end of the leader's server until clients know that its pod is
	// terminating. The server accepts requests until it ends.
	preStopSeconds = 10
	// preStopShare is preStop's share of a shorter grace period; the server needs the rest.
	preStopShare = 3

	startupPeriod = 10 * time.Second
	// startupAtLeast is the minimum time that a server may load and compile before its
	// first answer.
	startupAtLeast = time.Hour
)

// schedulerLives looks for the process that uses the chips. Because of the brackets, the
// pattern does not match the command lines of grep and its shell, which contain it.
const schedulerLives = "grep -aqs 'sglang::[s]cheduler' /proc/[0-9]*/cmdline"

// setProbes distinguishes a server that works from one that only answers: /health always
// returns 200, even if the scheduler has ended, and a scheduler that is killed by a signal
// is only logged. The leader's /health_generate generates a token with all ranks, and takes
// 20 s to report that it cannot. A worker's answers are constant, so its process list is
// checked.
func setProbes(c *corev1.ContainerArgs, args *Args, r role) {
	startup := int(max(args.Ready, startupAtLeast) / startupPeriod)
	c.StartupProbe = httpProbe("/health", startupPeriod, time.Second, startup)
	preStop := []string{"sleep", strconv.Itoa(args.preStop())}
	if r == leader {
		c.ReadinessProbe = httpProbe("/health_generate", 30*time.Second, 30*time.Second, 3)
		c.LivenessProbe = httpProbe("/health_generate", time.Minute, 30*time.Second, 5)
	} else {
		c.ReadinessProbe = httpProbe("/health", 10*time.Second, time.Second, 3)
		c.LivenessProbe = &corev1.ProbeArgs{
			Exec:             &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{"sh", "-c", schedulerLives})},
			PeriodSeconds:    pulumi.Int(30),
			TimeoutSeconds:   pulumi.Int(10),
			FailureThreshold: pulumi.Int(3),
		}
		// A worker ends after its leader, because requests that the leader is still answering
		// need all ranks.
		preStop = []string{"bash", "-c", outliveScript}
	}
	c.Lifecycle = &corev1.LifecycleArgs{PreStop: &corev1.LifecycleHandlerArgs{
		Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray(preStop)},
	}}
}

// preStop returns the seconds of a leader's preStop. On a host that is reclaimed, the kubelet
// shortens the grace period to the remaining time (graceful node shutdown). A preStop of the
// usual length would use all of it, and the server would be killed without warning.
func (a *Args) preStop() int {
	if a.Notice == 0 {
		return preStopSeconds
	}
	return min(preStopSeconds, int(a.Notice/time.Second)/preStopShare)
}

func httpProbe(path string, period, timeout time.Duration, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.String("http")},
		PeriodSeconds:    pulumi.Int(int(period / time.Second)),
		TimeoutSeconds:   pulumi.Int(int(timeout / time.Second)),
		FailureThreshold: pulumi.Int(failures),
	}
}
