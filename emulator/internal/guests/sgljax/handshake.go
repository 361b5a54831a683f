package sgljax

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// What sgl-jax derives from the port of --dist-init-addr (server_args.py, PortArgs): on
// one the leader publishes requests, on the other the ranks wait for one another.
const (
	publishPort   = 5
	handshakePort = 6
)

// reconnect is how often ZeroMQ tries again, whatever the reason (ZMQ_RECONNECT_IVL).
const reconnect = 100 * time.Millisecond

// handshake is sync_pub_sub in managers/scheduler.py: it knows no time-out, and counts
// signals, not ranks. A signal that comes after enough others is never answered.
func (m *machine) handshake(a arguments, w *world) error {
	if w.size == 1 {
		return nil
	}
	host, port, _ := strings.Cut(a["--dist-init-addr"], ":")
	base, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("ValueError: invalid literal for int() with base 10: '%s'", port)
	}
	if w.rank > 0 {
		m.subscribe(w.rank, host, base)
		return nil
	}
	return m.publish(w.size, host, base)
}

// publish is rank 0's side. What it listens on stays open, as its sockets do.
func (m *machine) publish(size int, host string, base int) error {
	address, err := m.Resolve(host)
	if err != nil || address != m.listen {
		return fmt.Errorf("zmq.error.ZMQError: Cannot assign requested address (addr='tcp://%s:%d')", host, base+publishPort)
	}
	signals := make(chan net.Conn)
	for _, port := range []int{base + publishPort, base + handshakePort} {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			return fmt.Errorf("zmq.error.ZMQError: Address already in use (addr='tcp://%s:%d')", host, port)
		}
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return // the process ends
				}
				go receive(conn, signals)
			}
		}()
	}
	say("[Publisher 0] Begins to synchronize, wait %d Subscribers", size-1)
	for count := range size - 1 {
		conn := <-signals
		say("[Publisher 0] receives %d READY signal", count+1)
		_, _ = conn.Write([]byte("ACK\n")) // ZeroMQ does not say either whether it arrived
	}
	say("[Publisher 0] Succeeds to synchronize!")
	return nil
}

// receive passes on the signals of one peer.
func receive(conn net.Conn, signals chan<- net.Conn) {
	for in := bufio.NewScanner(conn); in.Scan(); {
		if in.Text() == "READY" {
			signals <- conn
		}
	}
}

// subscribe is a worker's side.
func (m *machine) subscribe(rank int, host string, base int) {
	say("[Subscriber %d] Begins to synchronize", rank)
	stay(m.dialForEver(host, base+publishPort))
	conn := m.dialForEver(host, base+handshakePort)
	_, _ = conn.Write([]byte("READY\n")) // as above
	answer, err := bufio.NewReader(conn).ReadString('\n')
	stay(conn)
	if err != nil || answer != "ACK\n" {
		// A REQ socket connects again, and waits for the answer to what it has sent.
		for {
			time.Sleep(time.Hour)
		}
	}
	say("[Subscriber %d] Succeeds to synchronizes!", rank)
}

// stay keeps a connection open for as long as the process lives, as ZeroMQ's own thread
// does. Go closes a connection that nobody holds.
func stay(conn net.Conn) {
	go func() { _, _ = io.Copy(io.Discard, conn) }()
}

// dialForEver asks for the name each time, as ZeroMQ does.
func (m *machine) dialForEver(host string, port int) net.Conn {
	for {
		if conn, err := m.dial(host, strconv.Itoa(port)); err == nil {
			return conn
		}
		time.Sleep(reconnect)
	}
}
