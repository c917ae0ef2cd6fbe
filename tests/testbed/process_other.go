//go:build !linux

package main

import "syscall"

// Elsewhere the supervisor's own orderly end is all there is.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func follower() *syscall.SysProcAttr { return nil }

func reserve(int) error { return nil }
