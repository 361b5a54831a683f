package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// Authority is the emulator's certificate authority. It signs all server and client
// certificates of the emulated cloud.
type Authority struct {
	dir  string
	pair tls.Certificate
}

// systemRoots are the files in which Linux distributions keep the trusted certificates.
var systemRoots = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// OpenAuthority opens the authority in dir, or creates one. It writes the certificates of the
// authority and of the authorities that this machine trusts to the file bundle.
func OpenAuthority(dir, bundle string) (*Authority, error) {
	a := &Authority{dir: dir}
	keyFile := filepath.Join(dir, "ca.key")
	if _, err := os.Stat(a.CertFile()); errors.Is(err, os.ErrNotExist) {
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: "sglang-tpu emulator"}, NotAfter: time.Now().AddDate(10, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		}
		if err := create(a.CertFile(), keyFile, template, nil); err != nil {
			return nil, err
		}
	}
	var err error
	if a.pair, err = tls.LoadX509KeyPair(a.CertFile(), keyFile); err != nil {
		return nil, fmt.Errorf("%s is damaged; remove it: %w", dir, err)
	}
	text, err := os.ReadFile(a.CertFile())
	if err != nil {
		return nil, err
	}
	for _, file := range systemRoots {
		if roots, err := os.ReadFile(file); err == nil {
			text = append(text, roots...)
			break
		}
	}
	return a, os.WriteFile(bundle, text, 0o600)
}

// CertFile returns the file with the authority's certificate.
func (a *Authority) CertFile() string { return filepath.Join(a.dir, "ca.crt") }

// Pool returns a certificate pool that trusts only the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.pair.Leaf)
	return pool
}

// Issue issues a certificate for a client (user and groups) or a server (hosts), and writes it
// to dir/name.crt and its key to dir/name.key.
func (a *Authority) Issue(dir, name, user string, groups, hosts []string) (certFile, keyFile string, err error) {
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: user, Organization: groups}, NotAfter: time.Now().AddDate(5, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	return certFile, keyFile, create(certFile, keyFile, template, &a.pair)
}

// create creates a key and a certificate, and writes both. Without a signer, the certificate is
// signed with its own key.
func create(certFile, keyFile string, template *x509.Certificate, signer *tls.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	if signer == nil {
		signer = &tls.Certificate{Leaf: template, PrivateKey: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.Leaf, key.Public(), signer.PrivateKey)
	if err != nil {
		return err
	}
	text, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(keyFile), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, text, 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: cert.CertificateBlockType, Bytes: der}), 0o600)
}

// WriteKubeconfig writes a kubeconfig for one user of an API server. namespace is the default
// namespace of its context; empty means default.
func WriteKubeconfig(file, server string, ca *Authority, namespace string, user clientcmdapi.AuthInfo) error {
	config := clientcmdapi.NewConfig()
	config.CurrentContext = "emulated"
	config.Clusters["emulated"] = &clientcmdapi.Cluster{Server: server, CertificateAuthority: ca.CertFile()}
	config.AuthInfos["emulated"] = &user
	config.Contexts["emulated"] = &clientcmdapi.Context{Cluster: "emulated", AuthInfo: "emulated", Namespace: namespace}
	return clientcmd.WriteToFile(*config, file)
}
