package node

import (
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"sglang-tpu/emulator/internal/guests"
	"sglang-tpu/emulator/internal/pace"
	"sglang-tpu/emulator/internal/proc"
	"sglang-tpu/spec/topology"
)

// The kubelet's back-off: none before the first restart, then 10 s, doubled each time up to
// five minutes.
const (
	crashBackoff    = 10 * time.Second
	maxCrashBackoff = 5 * time.Minute
)

// container is one container of a pod, across its restarts.
type container struct {
	pod  *pod
	spec *corev1.Container
	init bool

	mu       sync.Mutex
	state    corev1.ContainerState
	last     corev1.ContainerState
	restarts int32
	started  bool
	ready    bool
	run      *instance
}

// instance is one run of a container.
type instance struct {
	process *proc.Process // nil if the image is not emulated
	image   *guests.Image // nil if the image is not emulated
	env     map[string]string
	root    string
	log     *logFile
	kill    chan string // the probe that failed
}

func newContainer(p *pod, spec *corev1.Container, init bool) *container {
	c := &container{pod: p, spec: spec, init: init}
	// After a restart of the emulator, containers that were running count as restarted.
	for _, cs := range append(p.object.Status.InitContainerStatuses, p.object.Status.ContainerStatuses...) {
		if cs.Name == spec.Name && (cs.State.Running != nil || cs.RestartCount > 0) {
			c.restarts = cs.RestartCount + 1
		}
	}
	c.state.Waiting = &corev1.ContainerStateWaiting{Reason: "PodInitializing"}
	if len(p.object.Spec.InitContainers) == 0 || init {
		c.state.Waiting.Reason = "ContainerCreating"
	}
	return c
}

func (c *container) dir() string { return filepath.Join(c.pod.dir, "containers", c.spec.Name) }

// supervise runs the container and restarts it by the pod's restart policy. It returns when
// the container is not restarted again, with true if it succeeded.
func (c *container) supervise() bool {
	backoff := time.Duration(0)
	for {
		began := time.Now()
		code, ok := c.once()
		if !ok {
			return false
		}
		policy := c.pod.object.Spec.RestartPolicy
		if c.pod.beingDeleted() || c.pod.ctx.Err() != nil || code == 0 && (c.init || policy != corev1.RestartPolicyAlways) || policy == corev1.RestartPolicyNever {
			return code == 0
		}
		if time.Since(began) > 2*maxCrashBackoff {
			backoff = 0
		}
		c.mu.Lock()
		c.last = c.state
		if backoff > 0 {
			c.state = waiting("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
				backoff, c.spec.Name, c.pod.object.Name, c.pod.object.Namespace, c.pod.object.UID))
		}
		c.restarts++
		c.mu.Unlock()
		c.pod.touch()
		if backoff > 0 {
			c.pod.event(corev1.EventTypeWarning, "BackOff", "Back-off restarting failed container "+c.spec.Name+" in pod "+c.pod.object.Name)
		}
		if !c.pod.sleep(pace.Of(backoff)) {
			return false
		}
		backoff = min(max(crashBackoff, 2*backoff), maxCrashBackoff)
	}
}

// once pulls the image, runs the container once and returns its exit code; ok is false if it
// did not start.
func (c *container) once() (code int, ok bool) {
	image, ok := c.pull()
	if !ok {
		return 0, false
	}
	run, ok := c.start(image)
	if !ok {
		return 0, false
	}
	if run == nil { // the command could not be executed
		return 128, true
	}
	ended := make(chan struct{})
	go c.probes(run, ended)
	c.wait(run)
	close(ended)
	return c.finish(run), true
}

// wait returns when the run has ended, or stops it if the pod ends or a probe fails.
func (c *container) wait(run *instance) {
	var exited <-chan struct{}
	if run.process != nil {
		exited = run.process.Done()
	}
	grace := c.pod.terminationGrace()
	select {
	case <-exited:
	case <-c.pod.ctx.Done():
		grace = 0
	case <-c.pod.stopping:
		grace = c.pod.grace
	case why := <-run.kill:
		c.pod.event(corev1.EventTypeNormal, "Killing", fmt.Sprintf("Container %s failed %s, will be restarted", c.spec.Name, why))
	}
	c.stop(run, grace)
}

// stop ends a run like a kubelet: preStop hook, TERM, and KILL after the grace period. If the
// machine vanishes, the run ends at once.
func (c *container) stop(run *instance, grace time.Duration) {
	if run.process == nil {
		return
	}
	select {
	case <-run.process.Done():
	default:
		began := time.Now()
		if grace > 0 {
			c.preStop(run, grace)
		}
		run.process.Stop(c.pod.ctx, max(0, grace-time.Since(began)))
		return
	}
	// As in a PID namespace, all other processes end with the first one.
	_ = syscall.Kill(-run.process.PID(), syscall.SIGKILL)
}

func (c *container) preStop(run *instance, limit time.Duration) {
	if c.spec.Lifecycle == nil || c.spec.Lifecycle.PreStop == nil {
		return
	}
	hook := c.spec.Lifecycle.PreStop.Exec
	if hook == nil {
		c.pod.event(corev1.EventTypeWarning, "FailedPreStopHook", "hooks of this type are not emulated")
		return
	}
	if _, err := c.execute(run, hook.Command, limit); err != nil {
		c.pod.event(corev1.EventTypeWarning, "FailedPreStopHook", "PreStopHook failed")
	}
}

func (c *container) finish(run *instance) int {
	code := 0
	if run.process != nil {
		code = run.process.ExitCode()
	}
	run.log.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := &corev1.ContainerStateTerminated{ExitCode: int32(code), Reason: "Completed", FinishedAt: metav1.Now()}
	if c.state.Running != nil {
		ended.StartedAt = c.state.Running.StartedAt
	}
	if code != 0 {
		ended.Reason = "Error"
		if c.spec.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError {
			ended.Message = run.log.end(2048)
		}
	}
	c.state = corev1.ContainerState{Terminated: ended}
	c.started, c.ready, c.run = false, false, nil
	c.pod.touch()
	return code
}

func (c *container) set(state corev1.ContainerState) {
	c.mu.Lock()
	c.state = state
	c.mu.Unlock()
	c.pod.touch()
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func (c *container) current() *instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run
}

func (c *container) status() corev1.ContainerStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	started := c.started
	return corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, ImageID: c.spec.Image,
		State: c.state, LastTerminationState: c.last, RestartCount: c.restarts,
		Ready: c.ready || c.init && c.state.Terminated != nil && c.state.Terminated.ExitCode == 0, Started: &started,
	}
}

// port returns the number of a probe's port.
func (c *container) port(port intstr.IntOrString) (int, error) {
	if port.Type == intstr.Int {
		return port.IntValue(), nil
	}
	for _, p := range c.spec.Ports {
		if p.Name == port.StrVal {
			return int(p.ContainerPort), nil
		}
	}
	return 0, fmt.Errorf("couldn't find port: %s", port.StrVal)
}

func (c *container) tpus() string {
	if q, ok := c.spec.Resources.Limits[topology.ResourceName]; ok {
		return fmt.Sprint(q.Value())
	}
	return "0"
}
