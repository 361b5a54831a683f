package kube

import (
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// tunnel is the HTTPS proxy through which the API server reaches webhooks, as with GKE's
// Konnectivity. It connects the name of a Service to one of its pods. Without it, webhooks
// would need a listener on port 443, which requires root.
type tunnel struct {
	proxy    *proxy
	listener net.Listener
}

func startTunnel() (*tunnel, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &tunnel{listener: l}, nil
}

// serve starts to accept connections; until then they wait.
func (t *tunnel) serve(p *proxy) {
	t.proxy = p
	server := &http.Server{Handler: t, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(t.listener) }() // returns when the listener is closed
}

func (t *tunnel) address() string { return "http://" + t.listener.Addr().String() }

// ServeHTTP serves CONNECT service.namespace.svc:port.
func (t *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect || err != nil {
		http.Error(w, "only CONNECT is served here", http.StatusBadRequest)
		return
	}
	parts := strings.Split(host, ".")
	if len(parts) < 2 {
		http.Error(w, host+" is not a Service", http.StatusBadGateway)
		return
	}
	to := t.proxy.behind(parts[1], parts[0], port)
	if to == "" {
		http.Error(w, "no endpoints available for service \""+parts[0]+"\"", http.StatusServiceUnavailable)
		return
	}
	upstream, err := net.Dial("tcp", to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = upstream.Close()
		return
	}
	// The response must come after Hijack. Otherwise the server may already have read the
	// first byte of a client that continues at once.
	if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		_ = upstream.Close()
		_ = conn.Close()
		return
	}
	join(conn, upstream)
}

// join copies in both directions until both sides are closed.
func join(a, b net.Conn) {
	defer a.Close()
	defer b.Close()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1]) // either side may disconnect at any time
			if tcp, ok := pair[0].(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}
