// Package main is the test bed: etcd, the Kubernetes control plane, kubectl and
// kwok linked into one program, and a supervisor (`testbed up`) which starts any
// number of real control planes from it on the loopback interface.
//
// It exists so that tests and the demo run against real Kubernetes on a machine
// that has a Go toolchain and nothing else: no container engine, no downloaded
// binary. The first argument names the program to be.
package main

import (
	"fmt"
	"os"
)

var commands = []struct {
	name, what string
	run        func()
}{
	{"up", "start control planes, hold them until told to stop, leave nothing behind", up},
	{"etcd", "the Kubernetes store", etcd},
	{"kube-apiserver", "the Kubernetes API", kubeAPIServer},
	{"kube-controller-manager", "the Kubernetes controllers", kubeControllerManager},
	{"kube-scheduler", "the Kubernetes scheduler", kubeScheduler},
	{"kubectl", "the Kubernetes command line", kubectl},
	{"kwok", "nodes and pods that only exist in the API", kwok},
	{"kwok-stages", "print the configuration that kwok runs with here", kwokStages},
}

func main() {
	if len(os.Args) > 1 {
		name := os.Args[1]
		for _, c := range commands {
			if c.name == name {
				// Each program reads os.Args as if it had been started by its own name.
				os.Args = append([]string{name}, os.Args[2:]...)
				c.run()
				return
			}
		}
	}
	fmt.Fprintln(os.Stderr, "usage: testbed PROGRAM [ARGUMENTS]")
	for _, c := range commands {
		fmt.Fprintf(os.Stderr, "  %-24s %s\n", c.name, c.what)
	}
	os.Exit(2)
}
