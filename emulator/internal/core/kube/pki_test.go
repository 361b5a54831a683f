package kube

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnAuthorityIsCreatedOnceAndSignsCertificates(t *testing.T) {
	dir := t.TempDir()
	bundle := filepath.Join(dir, "bundle.crt")
	first, err := OpenAuthority(filepath.Join(dir, "pki"), bundle)
	require.NoError(t, err)
	again, err := OpenAuthority(filepath.Join(dir, "pki"), bundle)
	require.NoError(t, err)
	certFile, keyFile, err := first.Issue(filepath.Join(dir, "server"), "apiserver", "user", []string{"group"}, []string{"127.0.0.1", "localhost"})
	require.NoError(t, err)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: again.Pool(), DNSName: host})
		require.NoError(t, err)
	}
	assert.Equal(t, "CN=user,O=group", pair.Leaf.Subject.String())
	for _, file := range []string{keyFile, filepath.Join(dir, "pki", "ca.key")} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}

	require.NoError(t, os.WriteFile(again.CertFile(), []byte("no certificate"), 0o600))
	_, err = OpenAuthority(filepath.Join(dir, "pki"), bundle)
	require.ErrorContains(t, err, "is damaged; remove it")
}
