package netmap

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPodAddressesMapToLoopbackAddresses(t *testing.T) {
	n, err := New("10.4.0.0/14", 0, -1)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, n.Close()) })
	pod, loopback, err := n.Allocate()
	require.NoError(t, err)
	assert.Equal(t, "10.4.0.2", pod)
	got, ok := n.Loopback(pod)
	assert.True(t, ok)
	assert.Equal(t, loopback, got)

	second, _, err := n.Allocate()
	require.NoError(t, err)
	assert.NotEqual(t, pod, second)

	_, ok = n.Loopback("192.0.2.1")
	assert.False(t, ok, "an address outside the cluster has no place here")
	same, ok := n.Loopback(n.APIService())
	assert.True(t, ok)
	assert.Equal(t, n.APIService(), same)
}

func TestTwoNetworksOnOneMachineDiffer(t *testing.T) {
	a, err := New("10.4.0.0/14", 0, -1)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, a.Close()) })
	b, err := New("10.4.0.0/14", 0, -1)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	assert.NotEqual(t, a.Services(), b.Services())

	_, err = New("10.4.0.0/14", 0, a.Index())
	assert.ErrorContains(t, err, "another emulator")
}

func TestSavedClustersUseOtherNetworks(t *testing.T) {
	n, err := New("10.4.0.0/14", 16, -1)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, n.Close()) })
	assert.GreaterOrEqual(t, n.Index(), 16)
}
