package sgljax

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/pace"
)

// server is the main process of a rank.
type server struct {
	args      arguments
	world     *world
	scheduler *exec.Cmd
	devices   int
	tokenizer *tokenizer

	dead      atomic.Bool  // the scheduler has ended
	asked     atomic.Bool  // there was a request, possibly the warm-up
	unhealthy atomic.Bool  // the last /health_generate failed
	running   atomic.Int64 // number of running requests
	requests  atomic.Int64 // number of all requests
	generated atomic.Int64 // number of generated tokens
	speed     atomic.Int64 // tokens per second of the last request
}

// noticed is how long jax.distributed takes to detect missing heartbeats
// (jax/_src/distributed.py, heartbeat_timeout_seconds).
var noticed = pace.Of(100 * time.Second)

// serve opens the port and returns the exit code.
func (s *server) serve(m *machine) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	listener, err := s.listen(m)
	if err != nil {
		return fail(err)
	}
	go func() {
		err := s.scheduler.Wait()
		s.dead.Store(true)
		s.world.leave()
		say("Child process unexpectedly failed with exitcode=%v. pid=%d", err, s.scheduler.Process.Pid) // the real server only logs this, too
	}()
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // runs until the process exits
	if s.world.rank > 0 {
		go s.world.serve(s.seed())
		say("Starting dummy health check server at %s:%s", s.args["--host"], s.args["--port"])
	} else {
		go s.world.heartbeat(s.seed(), time.Second)
		say("Uvicorn running on http://%s:%s", s.args["--host"], s.args["--port"])
		go s.warmUp()
	}
	for {
		select {
		case <-stop:
			return s.end()
		case err := <-s.world.fatal:
			return schedulerFailed(err)
		case err := <-s.world.lost:
			go s.abort(err)
		}
	}
}

func (s *server) listen(m *machine) (net.Listener, error) {
	address := m.listen
	if host := s.args["--host"]; host == "" || host == "127.0.0.1" || host == "localhost" {
		// The default host is the pod's loopback, which neither probes nor Services can reach.
		// Nothing in the emulator connects to this address, either.
		address = "127.0.0.1"
	}
	port := s.args.number("--port", 30000)
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, port))
	if err != nil {
		return nil, fmt.Errorf("OSError: [Errno 98] error while attempting to bind on address ('%s', %d): address already in use", s.args["--host"], port)
	}
	return listener, nil
}

// warmUp implements _execute_server_warmup in http_server.py: a request for each rank of data
// parallelism.
func (s *server) warmUp() {
	if s.args["--skip-server-warmup"] == "" {
		s.asked.Store(true)
		for range s.args.number("--dp-size", 1) {
			for i := range 2 {
				if _, err := s.token(context.Background(), "The capital city of France is", i, false); err != nil {
					return
				}
			}
		}
	}
	say("The server is fired up and ready to roll!")
}

// abort does what jax.distributed does when another task is lost: it ends the scheduler's
// process, and the main process continues without it. A worker detects a lost leader at once,
// because its connection is closed.
func (s *server) abort(err error) {
	if s.world.rank == 0 {
		time.Sleep(noticed)
	}
	say("Terminating process because the JAX distributed service detected fatal errors. This most likely indicates that another task died; "+
		"see the other task logs for more details. UNAVAILABLE: The following tasks are unhealthy (stopped sending heartbeats): %v", err)
	_ = s.scheduler.Process.Signal(syscall.SIGABRT) // it may have ended
}

// end handles SIGTERM. After the first request, the tokenizer manager drains requests and then
// kills its process (sigterm_watchdog in managers/tokenizer_manager.py). Before that, and in
// other ranks, uvicorn shuts down and raises the signal again.
func (s *server) end() int {
	if !s.asked.Load() || s.world.rank > 0 {
		return 128 + int(syscall.SIGTERM)
	}
	say("SIGTERM received. signum=None frame=None. Draining requests and shutting down...")
	for {
		time.Sleep(pace.Of(5 * time.Second))
		left := s.running.Load()
		if s.unhealthy.Load() {
			say("Signal SIGTERM received while health check failed. Exiting... remaining number of requests: %d", left)
			return killed
		}
		say("Gracefully exiting... remaining number of requests %d", left)
		if left == 0 {
			return killed
		}
	}
}

func (s *server) seed() string { return s.args["--random-seed"] }

// token generates one token with the scheduler. Without a scheduler it blocks until the client
// disconnects.
func (s *server) token(ctx context.Context, prompt string, position int, logprobs bool) (int, error) {
	if logprobs && s.world.crashes(s.args) {
		s.world.crash()
	} else if !s.dead.Load() {
		if index, err := s.world.token(s.seed(), prompt, position); err == nil && !s.dead.Load() {
			return index, nil
		}
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

// The shortest and longest duration of /health_generate (http_server.py, health_generate).
var (
	healthAtLeast = pace.Of(time.Second)
	healthAtMost  = pace.Of(20 * time.Second)
)

// healthGenerate generates one token.
func (s *server) healthGenerate(w http.ResponseWriter, r *http.Request) {
	s.asked.Store(true)
	ctx, cancel := context.WithTimeout(r.Context(), healthAtMost)
	defer cancel()
	time.Sleep(healthAtLeast)
	_, err := s.token(ctx, "health", 0, false)
	s.unhealthy.Store(err != nil)
	if err != nil {
		say("Health check failed. Server couldn't get a response from detokenizer for last 20 seconds.")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}
