package sgljax

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"sglang-tpu/emulator/internal/pace"
	"sglang-tpu/emulator/internal/tpu"
)

// hello is a rank's first message to rank 0.
type hello struct {
	Rank  int    `json:"rank"`
	Chips int    `json:"chips"`
	Slice string `json:"slice"`
	Flags string `json:"flags"`
}

// verdict is rank 0's reply when all ranks have connected.
type verdict struct {
	Error string `json:"error"`
}

// share requests a rank's part of a token.
type share struct {
	Prompt   string `json:"prompt"`
	Position int    `json:"position"`
	Logprobs bool   `json:"logprobs,omitempty"`
	Value    uint64 `json:"value"`
}

// world connects the ranks of one server.
type world struct {
	rank, size int
	mu         sync.Mutex
	peers      []*peer    // rank 0 has one for each other rank, the others only rank 0
	lost       chan error // a peer does not answer
	fatal      chan error // an exception in the scheduler
}

// peer is a connection to another rank, for JSON values.
type peer struct {
	net.Conn
	*json.Encoder
	*json.Decoder
}

func newPeer(conn net.Conn) *peer { return &peer{conn, json.NewEncoder(conn), json.NewDecoder(conn)} }

// patience is the timeout of jax.distributed.initialize, which starts after the handshake. It
// is 300 s, whatever --dist-timeout is (jax/_src/distributed.py, initialization_timeout).
var patience = pace.Of(300 * time.Second)

// newWorld returns the world of the rank in the arguments.
func newWorld(a arguments) *world {
	return &world{rank: a.number("--node-rank", 0), size: a.number("--nnodes", 1), lost: make(chan error, 1), fatal: make(chan error, 1)}
}

// meet connects all ranks at --dist-init-addr, like jax.distributed.initialize, and returns the
// number of JAX devices of all ranks.
func (m *machine) meet(a arguments, w *world) (devices int, err error) {
	me := hello{Rank: w.rank, Chips: m.chips, Slice: m.slice, Flags: fingerprint(a)}
	if w.size == 1 {
		return m.chips * devicesPerChip, m.connected([]hello{me})
	}
	host, port, err := net.SplitHostPort(a["--dist-init-addr"])
	if err != nil {
		return 0, fmt.Errorf("ValueError: --dist-init-addr %q is not host:port", a["--dist-init-addr"])
	}
	if w.rank == 0 {
		all, err := w.gather(m, host, port, me)
		return devicesPerChip * sum(all), err
	}
	return devicesPerChip * tpu.Chips(m.topology), w.join(m, host, port, me)
}

func sum(all []hello) (chips int) {
	for _, h := range all {
		chips += h.Chips
	}
	return chips
}

// fingerprint combines the arguments that must be equal on all ranks.
func fingerprint(a arguments) string {
	return fmt.Sprint(a["--model-path"], a["--tp-size"], a["--dp-size"], a["--nnodes"], a["--random-seed"])
}

// superseded is what a task is told whose rank registers again before all have registered: the
// later one takes its place (xla/tsl/distributed_runtime/coordination/coordination_service.cc,
// RegisterTaskAsync and ConnectAfterBarrierPasses). Nothing listens afterwards, where the real
// service ends all tasks; the handshake has answered everybody by then.
const superseded = "RuntimeError: ALREADY_EXISTS: Aborted connect attempt as there is a request from a newer incarnation."

// gather is rank 0's side.
func (w *world) gather(m *machine, host, port string, me hello) ([]hello, error) {
	address, err := m.Resolve(host)
	if err != nil {
		return nil, fmt.Errorf("RuntimeError: UNKNOWN: Failed to resolve %s: %w", host, err)
	}
	if address != m.listen {
		return nil, fmt.Errorf("RuntimeError: UNKNOWN: Failed to bind coordination service to %s:%s: Cannot assign requested address", host, port)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(address, port))
	if err != nil {
		return nil, fmt.Errorf("RuntimeError: UNKNOWN: Failed to bind coordination service: %w", err)
	}
	defer listener.Close()
	deadline := time.Now().Add(m.patience)
	_ = listener.(*net.TCPListener).SetDeadline(deadline) // fails only if it is closed
	all := make([]hello, w.size)
	all[0] = me
	w.peers = make([]*peer, w.size-1)
	for missing := w.size - 1; missing > 0; {
		conn, err := listener.Accept()
		if err != nil {
			return nil, fmt.Errorf("RuntimeError: DEADLINE_EXCEEDED: Barrier timed out. %d/%d tasks reached the barrier; missing: %s", w.size-missing, w.size, w.missing())
		}
		p := newPeer(conn)
		var h hello
		if p.Decode(&h) != nil || h.Rank < 1 || h.Rank >= w.size {
			_ = p.Encode(verdict{Error: fmt.Sprintf("RuntimeError: INVALID_ARGUMENT: unexpected task %d of %d", h.Rank, w.size)})
			_ = conn.Close()
			continue
		}
		before := w.peers[h.Rank-1]
		w.peers[h.Rank-1], all[h.Rank] = p, h
		if before != nil {
			_ = before.Encode(verdict{Error: superseded})
			_ = before.Close()
			continue
		}
		missing--
	}
	err = m.connected(all)
	for _, h := range all {
		if err == nil && h.Flags != me.Flags {
			err = fmt.Errorf("RuntimeError: rank %d was started with other arguments than rank 0", h.Rank)
		}
	}
	said := verdict{}
	if err != nil {
		said.Error = err.Error()
	}
	for _, p := range w.peers {
		_ = p.Encode(said) // Decode detects a lost connection
	}
	if err == nil {
		for i, p := range w.peers {
			if err := p.Decode(&verdict{}); err != nil {
				return nil, fmt.Errorf("RuntimeError: UNAVAILABLE: task %d disconnected: %w", i+1, err)
			}
		}
	}
	return all, err
}

func (w *world) missing() string {
	var names []string
	for i, p := range w.peers {
		if p == nil {
			names = append(names, "/job:jax_worker/task:"+strconv.Itoa(i+1))
		}
	}
	return strings.Join(names, ", ")
}

// connected checks, like libtpu, that the hosts are all hosts of one slice.
func (m *machine) connected(all []hello) error {
	for _, h := range all {
		if h.Slice != all[0].Slice {
			return fmt.Errorf("RuntimeError: Unable to initialize backend 'tpu': INTERNAL: Failed to establish ICI links: task %d is on slice %s, task 0 on slice %s", h.Rank, h.Slice, all[0].Slice)
		}
	}
	if want := tpu.Chips(m.topology); sum(all) != want {
		return fmt.Errorf("RuntimeError: Unable to initialize backend 'tpu': INVALID_ARGUMENT: slice %s has topology %s with %d chips, its tasks have %d", m.slice, m.topology, want, sum(all))
	}
	return nil
}

// join is a worker's part of meet.
func (w *world) join(m *machine, host, port string, me hello) error {
	var last error
	// Rank 0 may not listen yet, or may end and start again, so the worker retries for a while.
	for deadline := time.Now().Add(m.patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		var conn net.Conn
		if conn, last = m.dial(host, port); last != nil {
			continue
		}
		p := newPeer(conn)
		var said verdict
		if last = errors.Join(p.Encode(me), p.Decode(&said)); last != nil {
			_ = p.Close()
			continue
		}
		if said.Error != "" {
			return errors.New(said.Error)
		}
		w.peers = []*peer{p}
		return p.Encode(verdict{})
	}
	return fmt.Errorf("RuntimeError: DEADLINE_EXCEEDED: Failed to connect to coordination service at %s:%s: %w", host, port, last)
}

func (m *machine) dial(host, port string) (net.Conn, error) {
	address, err := m.Resolve(host)
	if err != nil {
		return nil, err
	}
	// Use the pod's address, as in a pod's network.
	dialer := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(m.listen)}}
	return dialer.Dial("tcp", net.JoinHostPort(address, port))
}
