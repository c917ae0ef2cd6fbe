package main

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// tied children get a process group of their own, so that the Ctrl-C of a terminal
// reaches them only through the supervisor, and die when it does.
func tied() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// follower is the command that the test bed is up for: it stays in the terminal's
// process group, and is asked to end when the supervisor is killed.
func follower() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}

// reserve binds the port without listening on it, until this process ends. Together
// with the API server's --permit-port-sharing this keeps the port its own while the
// server is stopped: connections are refused, and nobody else can take it. Only
// SO_REUSEPORT, not SO_REUSEADDR: a second test bed must find the port taken.
func reserve(port int) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	if err := unix.Bind(socket, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fmt.Errorf("reserve port %d: %w", port, err)
	}
	return nil
}
