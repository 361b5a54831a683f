package socket_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/socket"
	"sglang-tpu/emulator/internal/socket/sockettest"
)

func TestRequestsAreAnsweredOrRefusedInJSON(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("POST /length", socket.Handle(func(_ context.Context, text string) (any, error) {
		if text == "" {
			return nil, assert.AnError
		}
		return len(text), nil
	}))
	mux.HandleFunc("GET /list", func(w http.ResponseWriter, _ *http.Request) { socket.Reply(w, []int{1, 2}) })
	at := sockettest.Serve(t, mux)
	ctx := context.Background()
	var length int
	require.NoError(t, socket.Post(ctx, at, "/length", "four", &length))
	assert.Equal(t, 4, length)
	require.EqualError(t, socket.Post(ctx, at, "/length", "", &length), assert.AnError.Error())
	require.ErrorContains(t, socket.Post(ctx, at, "/length", 4, nil), "cannot unmarshal number")
	var list []int
	require.NoError(t, socket.Get(ctx, at, "/list", &list))
	assert.Equal(t, []int{1, 2}, list)
	require.ErrorContains(t, socket.Get(ctx, at, "/other", &list), "404")
}

func TestAMissingDaemonIsReportedInOneSentence(t *testing.T) {
	err := socket.Get(context.Background(), filepath.Join(t.TempDir(), "s"), "/list", nil)
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(err.Error(), "the emulator is not running; start it with: bin/emulator start ("), err.Error())
}
