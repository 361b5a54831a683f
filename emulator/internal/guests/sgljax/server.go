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

// server is one rank's main process.
type server struct {
	args      arguments
	world     *world
	scheduler *exec.Cmd
	devices   int
	tokenizer *tokenizer

	dead      atomic.Bool  // the scheduler
	asked     atomic.Bool  // by anybody, the server's own warm-up among them
	unhealthy atomic.Bool  // at the last /health_generate
	running   atomic.Int64 // requests
	requests  atomic.Int64
	generated atomic.Int64 // tokens
	speed     atomic.Int64 // tokens a second, of the last request
}

// noticed is how long jax.distributed takes to notice that a task sends no heartbeats
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
		say("Child process unexpectedly failed with exitcode=%v. pid=%d", err, s.scheduler.Process.Pid) // and that is all it does about it
	}()
	if s.world.rank > 0 {
		go s.world.serve(s.seed())
	} else {
		go s.world.heartbeat(s.seed(), time.Second)
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with the process
	if s.world.rank > 0 {
		say("Starting dummy health check server at %s:%s", s.args["--host"], s.args["--port"])
	} else {
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
		// The default host is the pod's own loopback, where no probe and no Service can
		// reach it; nothing here can either.
		address = "127.0.0.1"
	}
	port := s.args.number("--port", 30000)
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, port))
	if err != nil {
		return nil, fmt.Errorf("OSError: [Errno 98] error while attempting to bind on address ('%s', %d): address already in use", s.args["--host"], port)
	}
	return listener, nil
}

// warmUp is _execute_server_warmup in http_server.py: a request of its own for each rank
// of data parallelism.
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

// abort is what jax.distributed does once another task is lost: it ends the scheduler's
// process, and the main one goes on without it. A worker whose leader is lost sees its
// connection end at once.
func (s *server) abort(err error) {
	if s.world.rank == 0 {
		time.Sleep(noticed)
	}
	say("Terminating process because the JAX distributed service detected fatal errors. This most likely indicates that another task died; "+
		"see the other task logs for more details. UNAVAILABLE: The following tasks are unhealthy (stopped sending heartbeats): %v", err)
	_ = s.scheduler.Process.Signal(syscall.SIGABRT) // it may have ended
}

// end is what TERM does. Once anybody has asked, the tokenizer manager lets requests end
// and then kills its own process (sigterm_watchdog in managers/tokenizer_manager.py);
// before, and in other ranks, uvicorn ends and raises the signal again.
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

// token makes one token through the scheduler. Without one no answer ever comes: a client
// waits until it gives up.
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

// What /health_generate waits before it says either (http_server.py, health_generate).
var (
	healthAtLeast = pace.Of(time.Second)
	healthAtMost  = pace.Of(20 * time.Second)
)

// healthGenerate makes one token.
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
