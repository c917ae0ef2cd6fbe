package main

// Certificates and kubeconfigs of one control plane: a good way in, and every bad
// one that an importer has to tell apart.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

type pair struct{ certificate, key []byte }

func serial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	number, err := serial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          number,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-72 * time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{certificate, key, certificatePEM(der)}, nil
}

// issue signs a client certificate, or a server's where addresses are given.
func (a *authority) issue(user string, groups []string, notAfter time.Time, dns []string, addresses []net.IP) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	number, err := serial()
	if err != nil {
		return nil, err
	}
	usage := x509.ExtKeyUsageClientAuth
	if len(addresses) > 0 {
		usage = x509.ExtKeyUsageServerAuth
	}
	template := &x509.Certificate{
		SerialNumber: number,
		Subject:      pkix.Name{CommonName: user, Organization: groups},
		NotBefore:    time.Now().Add(-48 * time.Hour),
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{usage},
		DNSNames:     dns,
		IPAddresses:  addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	private, err := privateKeyPEM(key)
	if err != nil {
		return nil, err
	}
	return &pair{certificatePEM(der), private}, nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func privateKeyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func publicKeyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// Tokens of the static token file. They open nothing but a control plane of this
// test bed on the loopback interface.
const (
	adminToken   = "testbed-admin-token"
	invalidToken = "testbed-no-such-token"
	limitedUser  = "limited"
)

// writeCredentials fills the plane's folder with everything its processes read and
// with one kubeconfig per way in; it returns the latter by kind.
func writeCredentials(dir, name, server string) (map[string]string, error) {
	ca, err := newAuthority(name + "-ca")
	if err != nil {
		return nil, err
	}
	other, err := newAuthority("another-ca")
	if err != nil {
		return nil, err
	}
	inAYear := time.Now().AddDate(1, 0, 0)
	serving, err := ca.issue("kube-apiserver", nil, inAYear,
		[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		[]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4(10, 96, 0, 1)})
	if err != nil {
		return nil, err
	}
	admin, err := ca.issue("admin", []string{"system:masters"}, inAYear, nil, nil)
	if err != nil {
		return nil, err
	}
	limited, err := ca.issue(limitedUser, nil, inAYear, nil, nil)
	if err != nil {
		return nil, err
	}
	expired, err := ca.issue("admin", []string{"system:masters"}, time.Now().Add(-24*time.Hour), nil, nil)
	if err != nil {
		return nil, err
	}
	serviceAccounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serviceAccountsPrivate, err := privateKeyPEM(serviceAccounts)
	if err != nil {
		return nil, err
	}
	serviceAccountsPublic, err := publicKeyPEM(serviceAccounts)
	if err != nil {
		return nil, err
	}

	files := map[string][]byte{
		"ca.crt":        ca.pem,
		"apiserver.crt": serving.certificate,
		"apiserver.key": serving.key,
		"admin.crt":     admin.certificate,
		"admin.key":     admin.key,
		"sa.key":        serviceAccountsPrivate,
		"sa.pub":        serviceAccountsPublic,
		"tokens.csv":    []byte(adminToken + `,token-admin,token-admin,"system:masters"` + "\n"),
	}
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			return nil, err
		}
	}

	certificate := func(p *pair) *clientcmdapi.AuthInfo {
		return &clientcmdapi.AuthInfo{ClientCertificateData: p.certificate, ClientKeyData: p.key}
	}
	token := func(t string) *clientcmdapi.AuthInfo { return &clientcmdapi.AuthInfo{Token: t} }
	ways := []struct {
		kind string
		ca   []byte
		user *clientcmdapi.AuthInfo
	}{
		{"admin", ca.pem, certificate(admin)},
		{"limited", ca.pem, certificate(limited)},
		{"expired", ca.pem, certificate(expired)},
		{"wrong-ca", other.pem, certificate(admin)},
		{"token", ca.pem, token(adminToken)},
		{"bad-token", ca.pem, token(invalidToken)},
	}
	paths := map[string]string{}
	for _, w := range ways {
		config := clientcmdapi.NewConfig()
		config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: w.ca}
		config.AuthInfos[w.kind] = w.user
		config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: w.kind}
		config.CurrentContext = name
		path := filepath.Join(dir, w.kind+".kubeconfig")
		if err := clientcmd.WriteToFile(*config, path); err != nil {
			return nil, err
		}
		paths[w.kind] = path
	}
	return paths, nil
}
