package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Authority is the emulator's certificate authority. It signs all server and client
// certificates of the emulated cloud.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// systemRoots are the files in which Linux distributions keep the trusted certificates.
var systemRoots = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// OpenAuthority opens the authority in dir, or creates one. It writes the certificates of the
// authority and of the authorities that this machine trusts to the file bundle.
func OpenAuthority(dir, bundle string) (*Authority, error) {
	a := &Authority{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := a.load(); errors.Is(err, os.ErrNotExist) {
		if err := a.create(); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
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
	pool.AddCert(a.cert)
	return pool
}

func (a *Authority) keyFile() string { return filepath.Join(a.dir, "ca.key") }

func (a *Authority) load() error {
	text, err := os.ReadFile(a.CertFile())
	if err != nil {
		return err
	}
	keyText, err := os.ReadFile(a.keyFile())
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	keyBlock, _ := pem.Decode(keyText)
	if block == nil || keyBlock == nil {
		return fmt.Errorf("%s is damaged; remove it", a.dir)
	}
	if a.cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		return err
	}
	a.key, err = x509.ParseECPrivateKey(keyBlock.Bytes)
	return err
}

func (a *Authority) create() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "sglang-tpu emulator"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	if err := writeKey(a.keyFile(), key); err != nil {
		return err
	}
	if err := writePEM(a.CertFile(), "CERTIFICATE", der); err != nil {
		return err
	}
	return a.load()
}

// Issue issues a certificate for a client (user and groups) or a server (hosts), and writes it
// to dir/name.crt and its key to dir/name.key.
func (a *Authority) Issue(dir, name, user string, groups, hosts []string) (certFile, keyFile string, err error) {
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: user, Organization: groups},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
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
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", err
	}
	if err := writeKey(keyFile, key); err != nil {
		return "", "", err
	}
	return certFile, keyFile, writePEM(certFile, "CERTIFICATE", der)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return big.NewInt(time.Now().UnixNano())
	}
	return n
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(file, "EC PRIVATE KEY", der)
}

func writePEM(file, typ string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}), 0o600)
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
