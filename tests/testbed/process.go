package main

// Child processes that cannot outlive the supervisor: it kills them when it ends,
// and the kernel does when it is killed itself.

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// The kernel ties "die with your parent" to the thread that started the child, so
// all children are started by one thread which never ends.
var starter = func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
}()

func startTied(command *exec.Cmd) error {
	result := make(chan error)
	starter <- func() { result <- command.Start() }
	return <-result
}

type process struct {
	name, log string
	command   *exec.Cmd
	gone      chan struct{}
	mutex     sync.Mutex
	wanted    bool // false: its end is no accident
}

// Every process of this run, so that the end misses none, and none starts after it.
var (
	registry sync.Mutex
	children []*process
	ending   bool
)

func killAll() {
	registry.Lock()
	defer registry.Unlock()
	ending = true
	for _, p := range children {
		p.signal(syscall.SIGKILL)
	}
	for _, p := range children {
		<-p.gone
	}
}

// start runs one of the linked programs, or the given file in its place.
func start(program, file, log string, arguments ...string) (*process, error) {
	if file == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		file = self
		arguments = append([]string{program}, arguments...)
	}
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	command := exec.Command(file, arguments...)
	command.Stdout, command.Stderr = output, output
	command.Dir = filepath.Dir(log)
	command.SysProcAttr = tied()
	p := &process{name: program, log: log, command: command, gone: make(chan struct{}), wanted: true}
	registry.Lock()
	defer registry.Unlock()
	if ending {
		return nil, errors.New("the test bed is ending")
	}
	if err := startTied(command); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	children = append(children, p)
	go func() {
		err := command.Wait()
		p.mutex.Lock()
		wanted := p.wanted
		p.mutex.Unlock()
		close(p.gone)
		if wanted {
			accident(fmt.Errorf("%s ended by itself (%v); the end of its log %s:\n%s", program, err, log, tail(log)))
		}
	}()
	return p, nil
}

func (p *process) signal(s syscall.Signal) error {
	if s == syscall.SIGKILL {
		p.mutex.Lock()
		p.wanted = false
		p.mutex.Unlock()
	}
	return p.command.Process.Signal(s)
}

// kill returns when the process is gone.
func (p *process) kill() {
	if err := p.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		progress("kill %s: %v", p.name, err)
		return
	}
	<-p.gone
}

func tail(log string) string {
	text, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-15):], []byte("\n")))
}

// freePort picks a port below the range from which the kernel takes the ports of
// outgoing connections, so that no other process is given it by chance between the
// check and its use.
func freePort() (int, error) {
	for range 200 {
		port := 12000 + rand.Intn(20000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port on 127.0.0.1 between 12000 and 32000")
}

// reservedPort is a free port that nobody else can take as long as this process lives.
func reservedPort() (int, error) {
	var failures []error
	for range 20 {
		port, err := freePort()
		if err != nil {
			return 0, err
		}
		// A free port still cannot be reserved while an old connection over it fades away.
		if err := reserve(port); err == nil {
			return port, nil
		} else {
			failures = append(failures, err)
		}
	}
	return 0, errors.Join(failures...)
}

// eventually asks until the answer is no error, and gives the last error after the
// deadline.
func eventually(deadline time.Duration, what string, ask func() error) error {
	end := time.Now().Add(deadline)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %v: %w", what, deadline, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
