// Package gcpplugin implements the emulator's pulumi-resource-gcp. It translates Pulumi's
// provider protocol to calls of the emulated Google Cloud in the daemon.
package gcpplugin

import (
	"fmt"
	"net"
	"os"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"sglang-tpu/emulator/internal/layout"
)

// Version is the version of the emulated provider.
const Version = "8.41.1"

// maxMessage is the largest message that Pulumi's plugins accept.
const maxMessage = 400 << 20

// Main prints its port, as the engine expects, and serves until the engine exits.
func Main() int {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-gcp:", err)
		return 1
	}
	return 0
}

func serve() error {
	l, err := layout.FromEnv()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	pulumirpc.RegisterResourceProviderServer(server, newProvider(l.Socket()))
	go endWithParent()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return server.Serve(listener)
}

// endWithParent exits when the engine has exited, even if it was killed.
func endWithParent() {
	for parent := os.Getppid(); ; time.Sleep(time.Second) {
		if os.Getppid() != parent {
			os.Exit(0)
		}
	}
}
