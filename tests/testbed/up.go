package main

// The supervisor. It starts etcd and the planes, writes what they are to a
// description file, and then holds them until a signal comes, the command given
// after -- ends, or its standard input closes (--hold-stdin): a parent that dies,
// however it dies, takes everything with it, the run folder included.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type description struct {
	PID      int      `json:"pid"`
	Dir      string   `json:"dir"`
	Etcd     string   `json:"etcd"`
	Clusters []*plane `json:"clusters"`
}

var (
	began     = time.Now()
	accidents = make(chan error, 64)
)

func accident(err error) {
	select {
	case accidents <- err:
	default: // one is enough to end
	}
}

func progress(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "testbed %5.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, arguments...))
}

type options struct {
	dir       string
	json      string
	holdStdin bool
	keep      bool
	clusters  []specification
	command   []string
}

// usual is what a test run shares, and the demo shows.
var usual = []specification{
	{name: "hamburg", flavour: full, nodes: 3, region: "eu-north", zones: []string{"a", "b", "c"}},
	{name: "luebeck", flavour: full, nodes: 3, region: "eu-west", zones: []string{"a", "b", "c"}},
	{name: "bremen", flavour: apiOnly, region: "us-east"},
}

func parseOptions() (options, error) {
	var o options
	flags := flag.NewFlagSet("testbed up", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "run folder, removed at the end (default: a new one in the temporary folder)")
	flags.StringVar(&o.json, "json", "", "also write the description to this file")
	flags.BoolVar(&o.holdStdin, "hold-stdin", false, "end when standard input closes; take commands from it: stop|start|pause|resume NAME")
	flags.BoolVar(&o.keep, "keep", false, "keep the run folder with its logs")
	flags.Func("cluster", "name=NAME[,flavour=full|api-only][,nodes=3][,region=eu-north][,zones=a+b+c]; may be repeated (default: two full ones, hamburg and luebeck, and bremen without controllers)", func(text string) error {
		s, err := parseSpecification(text)
		o.clusters = append(o.clusters, s)
		return err
	})
	flags.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: testbed up [OPTIONS] [-- COMMAND ...]")
		fmt.Fprintln(os.Stderr, "COMMAND runs with HANSE_TESTBED set to the description file.")
		flags.PrintDefaults()
	}
	if err := flags.Parse(os.Args[1:]); err != nil {
		return o, err
	}
	o.command = flags.Args()
	if len(o.clusters) == 0 {
		o.clusters = usual
	}
	return o, nil
}

func up() {
	o, err := parseOptions()
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "testbed up:", err)
		}
		os.Exit(2)
	}
	code, err := supervise(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed up:", err)
		code = 1
	}
	os.Exit(code)
}

func supervise(o options) (code int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)

	if o.dir == "" {
		sweep()
		if o.dir, err = os.MkdirTemp("", folderPrefix); err != nil {
			return 1, err
		}
		if err = os.WriteFile(filepath.Join(o.dir, "pid"), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
			return 1, err
		}
	} else if o.dir, err = filepath.Abs(o.dir); err != nil {
		return 1, err
	} else if err = os.MkdirAll(o.dir, 0o755); err != nil {
		return 1, err
	}
	b := &bed{options: o}
	defer func() {
		// A process that is told to die early must not be followed by one started late.
		killAll()
		if o.json != "" {
			os.Remove(o.json)
		}
		if !o.keep {
			os.RemoveAll(o.dir)
		}
	}()

	lines := make(chan string)
	closed := make(chan struct{})
	if o.holdStdin {
		go func() {
			defer close(closed)
			scanner := bufio.NewScanner(os.Stdin)
			for scanner.Scan() {
				lines <- scanner.Text()
			}
		}()
	}

	started := make(chan error, 1)
	go func() { started <- b.start(ctx) }()
	select {
	case err := <-started:
		if err != nil {
			return 1, err
		}
	case err := <-accidents:
		return 1, err
	case s := <-signals:
		return 128 + int(s.(syscall.Signal)), nil
	case <-closed:
		return 0, nil
	}

	ended := make(chan int, 1)
	var command *exec.Cmd
	if len(o.command) > 0 {
		command = exec.Command(o.command[0], o.command[1:]...)
		command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
		command.Env = append(os.Environ(), "HANSE_TESTBED="+b.file)
		command.SysProcAttr = follower()
		if err := startTied(command); err != nil {
			return 1, err
		}
		go func() {
			err := command.Wait()
			if status := command.ProcessState; status.Exited() {
				ended <- status.ExitCode()
			} else {
				fmt.Fprintln(os.Stderr, "testbed up:", o.command[0], err)
				ended <- 1
			}
		}()
	}
	for {
		select {
		case code := <-ended:
			return code, nil
		case err := <-accidents:
			b.stopCommand(command, syscall.SIGTERM, ended)
			return 1, err
		case s := <-signals:
			b.stopCommand(command, s.(syscall.Signal), ended)
			return 128 + int(s.(syscall.Signal)), nil
		case <-closed:
			b.stopCommand(command, syscall.SIGTERM, ended)
			return 0, nil
		case line := <-lines:
			b.answer(b.obey(ctx, line))
		}
	}
}

const folderPrefix = "hanse-testbed-"

// sweep removes the folders of supervisors that were killed before they could do it.
func sweep() {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	if err != nil {
		return
	}
	for _, folder := range folders {
		text, err := os.ReadFile(filepath.Join(folder, "pid"))
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(string(text))
		if err == nil && pid > 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			os.RemoveAll(folder)
		}
	}
}

type bed struct {
	options
	file   string
	planes []*plane
}

func (b *bed) start(ctx context.Context) error {
	etcd, err := startEtcd(b.dir)
	if err != nil {
		return err
	}
	progress("etcd answers at %s", etcd)
	var waiting sync.WaitGroup
	failures := make(chan error, len(b.clusters))
	for _, spec := range b.clusters {
		p, err := newPlane(spec, b.dir, etcd)
		if err != nil {
			return err
		}
		b.planes = append(b.planes, p)
		waiting.Go(func() {
			if err := p.up(ctx); err != nil {
				failures <- fmt.Errorf("%s: %w", p.Name, err)
				return
			}
			progress("%s (%s) is ready at %s", p.Name, p.Flavour, p.Server)
		})
	}
	waiting.Wait()
	close(failures)
	if err := errors.Join(collect(failures)...); err != nil {
		return err
	}
	text, err := json.MarshalIndent(description{os.Getpid(), b.dir, etcd, b.planes}, "", "  ")
	if err != nil {
		return err
	}
	b.file = filepath.Join(b.dir, "testbed.json")
	for _, file := range []string{b.file, b.json} {
		if file == "" {
			continue
		}
		// Whoever finds the file finds all of it.
		if err := os.WriteFile(file+".new", text, 0o644); err != nil {
			return err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return err
		}
	}
	if b.holdStdin {
		b.answer(map[string]any{"ready": b.file}, nil)
	}
	return nil
}

func collect(failures <-chan error) (all []error) {
	for err := range failures {
		all = append(all, err)
	}
	return all
}

func startEtcd(dir string) (string, error) {
	client, err := freePort()
	if err != nil {
		return "", err
	}
	peer, err := freePort()
	if err != nil {
		return "", err
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", client)
	peerURL := fmt.Sprintf("http://127.0.0.1:%d", peer)
	if _, err := start("etcd", asset("etcd"), filepath.Join(dir, "etcd.log"),
		"--name=testbed",
		"--data-dir="+filepath.Join(dir, "etcd"),
		"--listen-client-urls="+url,
		"--advertise-client-urls="+url,
		"--listen-peer-urls="+peerURL,
		"--initial-advertise-peer-urls="+peerURL,
		"--initial-cluster=testbed="+peerURL,
		// Nothing here has to survive a loss of power.
		"--unsafe-no-fsync",
		"--log-level=warn",
	); err != nil {
		return "", err
	}
	caller := &http.Client{Timeout: 2 * time.Second}
	return url, eventually(time.Minute, "etcd", func() error {
		response, err := caller.Get(url + "/health")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	})
}

// obey carries out one line of standard input.
func (b *bed) obey(ctx context.Context, line string) (map[string]any, error) {
	verb, name, _ := strings.Cut(strings.TrimSpace(line), " ")
	for _, p := range b.planes {
		if p.Name != name {
			continue
		}
		answer := map[string]any{"ok": line}
		switch verb {
		case "stop":
			return answer, p.stopAPIServer()
		case "start":
			return answer, p.startAPIServer(ctx)
		case "pause":
			return answer, p.signal(syscall.SIGSTOP)
		case "resume":
			return answer, p.signal(syscall.SIGCONT)
		}
	}
	return nil, fmt.Errorf("%q: not a verb and a cluster of this test bed", line)
}

func (b *bed) answer(answer map[string]any, err error) {
	if err != nil {
		answer = map[string]any{"error": err.Error()}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		accident(err)
		return
	}
	fmt.Println(string(text))
}

// stopCommand passes the signal on and gives the command half a minute to end.
func (b *bed) stopCommand(command *exec.Cmd, s syscall.Signal, ended <-chan int) {
	if command == nil {
		return
	}
	// A terminal has sent Ctrl-C to the command already.
	if s != syscall.SIGINT {
		command.Process.Signal(s)
	}
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		command.Process.Kill()
	}
}
