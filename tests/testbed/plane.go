package main

// One control plane: an API server over its own prefix of the shared etcd and, if
// it is a full one, a controller manager, a scheduler and kwok with nodes.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Flavours of a plane. Without the controllers there is no garbage collection, and a
// deleted namespace stays Terminating.
const (
	full    = "full"
	apiOnly = "api-only"
)

type specification struct {
	name    string
	flavour string
	nodes   int
	region  string
	zones   []string
}

// parseSpecification reads name=hamburg,flavour=full,nodes=3,region=eu-north,zones=a+b.
func parseSpecification(text string) (specification, error) {
	s := specification{flavour: full, nodes: 3, region: "eu-north", zones: []string{"a", "b", "c"}}
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "name":
			s.name = value
		case "flavour":
			s.flavour = value
		case "nodes":
			s.nodes, err = strconv.Atoi(value)
		case "region":
			s.region = value
		case "zones":
			s.zones = strings.Split(value, "+")
		default:
			err = errors.New("no such key")
		}
		if err != nil {
			return s, fmt.Errorf("--cluster %s: %s: %w", text, key, err)
		}
	}
	if s.name == "" || (s.flavour != full && s.flavour != apiOnly) || s.nodes < 0 {
		return s, fmt.Errorf("--cluster %s: wants name=NAME, flavour=%s|%s, nodes=COUNT", text, full, apiOnly)
	}
	return s, nil
}

// plane is also what the description file says of it.
type plane struct {
	Name        string            `json:"name"`
	Flavour     string            `json:"flavour"`
	UID         string            `json:"uid"`
	Server      string            `json:"server"`
	Dir         string            `json:"dir"`
	CAFile      string            `json:"caFile"`
	Nodes       []string          `json:"nodes"`
	Kubeconfigs map[string]string `json:"kubeconfigs"`

	spec      specification
	etcd      string
	port      int
	mutex     sync.Mutex
	apiserver *process
}

func newPlane(spec specification, dir, etcd string) (*plane, error) {
	p := &plane{Name: spec.name, Flavour: spec.flavour, Nodes: []string{}, spec: spec, etcd: etcd}
	p.Dir = filepath.Join(dir, spec.name)
	p.CAFile = filepath.Join(p.Dir, "ca.crt")
	if err := os.Mkdir(p.Dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	if p.port, err = reservedPort(); err != nil {
		return nil, err
	}
	p.Server = fmt.Sprintf("https://127.0.0.1:%d", p.port)
	p.Kubeconfigs, err = writeCredentials(p.Dir, spec.name, p.Server)
	return p, err
}

func (p *plane) file(name string) string { return filepath.Join(p.Dir, name) }

// startAPIServer returns when the API server is ready.
func (p *plane) startAPIServer(ctx context.Context) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.apiserver != nil {
		return fmt.Errorf("%s is started already", p.Name)
	}
	arguments := []string{
		"--etcd-servers=" + p.etcd,
		"--etcd-prefix=/" + p.Name,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		// There is nobody to find this server through the kubernetes service.
		"--endpoint-reconciler-type=none",
		fmt.Sprintf("--secure-port=%d", p.port),
		"--permit-port-sharing=true",
		"--cert-dir=" + p.Dir,
		"--tls-cert-file=" + p.file("apiserver.crt"),
		"--tls-private-key-file=" + p.file("apiserver.key"),
		"--client-ca-file=" + p.CAFile,
		"--token-auth-file=" + p.file("tokens.csv"),
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		// Benchmarks let it collect its garbage before they begin: see hanse-bench.
		"--profiling=true",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + p.file("sa.pub"),
		"--service-account-signing-key-file=" + p.file("sa.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-client-certificate=" + p.file("admin.crt"),
		"--kubelet-client-key=" + p.file("admin.key"),
	}
	if p.Flavour == apiOnly {
		// Nobody makes service accounts here, and no pod could be created without one.
		arguments = append(arguments, "--disable-admission-plugins=ServiceAccount")
	}
	server, err := start("kube-apiserver", asset("kube-apiserver"), p.file("kube-apiserver.log"), arguments...)
	if err != nil {
		return err
	}
	p.apiserver = server
	return p.ready(ctx)
}

func (p *plane) ready(ctx context.Context) error {
	ca, err := os.ReadFile(p.CAFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	return eventually(2*time.Minute, p.Name+": API server ready", func() error {
		if ctx.Err() != nil {
			return nil // told to end
		}
		response, err := client.Get(p.Server + "/readyz")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", response.Status, body)
		}
		return nil
	})
}

func (p *plane) stopAPIServer() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.apiserver == nil {
		return fmt.Errorf("%s is stopped already", p.Name)
	}
	p.apiserver.kill()
	p.apiserver = nil
	return nil
}

func (p *plane) signal(s syscall.Signal) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.apiserver == nil {
		return fmt.Errorf("%s is stopped", p.Name)
	}
	return p.apiserver.signal(s)
}

// up brings the whole plane to the state that tests may rely on.
func (p *plane) up(ctx context.Context) error {
	if err := p.startAPIServer(ctx); err != nil {
		return err
	}
	cluster, err := connect(p)
	if err != nil {
		return err
	}
	if err := cluster.seed(ctx); err != nil {
		return err
	}
	if p.Flavour != full {
		return nil
	}
	admin := p.Kubeconfigs["admin"]
	if _, err := start("kube-controller-manager", "", p.file("kube-controller-manager.log"),
		"--kubeconfig="+admin,
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
		"--root-ca-file="+p.CAFile,
		"--service-account-private-key-file="+p.file("sa.key"),
	); err != nil {
		return err
	}
	if _, err := start("kube-scheduler", "", p.file("kube-scheduler.log"),
		"--kubeconfig="+admin, "--leader-elect=false", "--secure-port=0", "--profiling=false",
	); err != nil {
		return err
	}
	if err := p.startKwok(admin); err != nil {
		return err
	}
	return cluster.settled(ctx)
}

func (p *plane) startKwok(kubeconfig string) error {
	podLog := p.file("pod.log")
	if err := os.WriteFile(podLog, []byte(podLogLines(time.Now())), 0o644); err != nil {
		return err
	}
	text, err := kwokConfiguration(podLog)
	if err != nil {
		return err
	}
	stages := p.file("kwok.yaml")
	if err := os.WriteFile(stages, text, 0o644); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	_, err = start("kwok", "", p.file("kwok.log"),
		"--kubeconfig="+kubeconfig,
		"--manage-all-nodes=true",
		"--config="+stages,
		"--cidr=10.244.0.1/16",
		fmt.Sprintf("--server-address=127.0.0.1:%d", port),
		"--node-ip=127.0.0.1",
		fmt.Sprintf("--node-port=%d", port),
		"--tls-cert-file="+p.file("apiserver.crt"),
		"--tls-private-key-file="+p.file("apiserver.key"),
		"--node-lease-duration-seconds=40",
	)
	return err
}

// podLogLines are what every container has to say, in the CRI log format.
func podLogLines(now time.Time) string {
	var lines strings.Builder
	for i, line := range []string{"starting", "listening on :8080", "ready"} {
		at := now.Add(time.Duration(i) * time.Second).UTC().Format(time.RFC3339Nano)
		fmt.Fprintf(&lines, "%s stdout F %s\n", at, line)
	}
	return lines.String()
}

// asset is the program's own binary in the folder that Kubernetes' test suites agree
// on, if it is there; without it the linked program serves.
func asset(program string) string {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		file := filepath.Join(dir, program)
		if info, err := os.Stat(file); err == nil && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}
