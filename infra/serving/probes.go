package serving

import (
	"strconv"
	"time"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// graceSeconds covers preStop and what a server that has begun to answer needs to end.
	graceSeconds = 120
	// preStopSeconds keep the leader's server until clients have heard that its pod is going: it
	// accepts requests until its end.
	preStopSeconds = 10
	// preStopShare is preStop's part of a shorter time: the server needs the rest.
	preStopShare = 3

	startupPeriod = 10 * time.Second
	// startupAtLeast is how long a server may load and compile before its first answer.
	startupAtLeast = time.Hour
)

// schedulerLives looks for the process that holds the chips. The brackets keep grep and
// its shell, whose command lines hold the pattern, from finding themselves.
const schedulerLives = "grep -aqs 'sglang::[s]cheduler' /proc/[0-9]*/cmdline"

// setProbes tells a server that works from one that only answers: /health is a constant
// 200 even with a dead scheduler, and a scheduler killed by a signal is only logged.
// The leader's /health_generate makes a token through all ranks, and takes 20 s to say
// that it cannot. A worker's answers are constant; its process list tells the truth.
func setProbes(c *corev1.ContainerArgs, args *Args, r role) {
	startup := int(max(args.Ready, startupAtLeast) / startupPeriod)
	c.StartupProbe = httpProbe("/health", startupPeriod, time.Second, startup)
	if r == leader {
		c.ReadinessProbe = httpProbe("/health_generate", 30*time.Second, 30*time.Second, 3)
		c.LivenessProbe = httpProbe("/health_generate", time.Minute, 30*time.Second, 5)
	} else {
		c.ReadinessProbe = httpProbe("/health", 10*time.Second, time.Second, 3)
		c.LivenessProbe = &corev1.ProbeArgs{
			Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{
				"sh", "-c", schedulerLives,
			})},
			PeriodSeconds:    pulumi.Int(30),
			TimeoutSeconds:   pulumi.Int(10),
			FailureThreshold: pulumi.Int(3),
		}
	}
	// A worker ends after its leader: requests that the leader still answers need all ranks.
	preStop := []string{"bash", "-c", outliveScript}
	if r == leader {
		preStop = []string{"sleep", strconv.Itoa(args.preStop())}
	}
	c.Lifecycle = &corev1.LifecycleArgs{PreStop: &corev1.LifecycleHandlerArgs{
		Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray(preStop)},
	}}
}

// preStop is how many seconds of a leader's end are preStop's. On a host that is taken back the
// kubelet shortens the grace period to what is left (graceful node shutdown), and a preStop
// of the usual length would use that up: the server would be killed without a word.
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
