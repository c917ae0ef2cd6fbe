//go:build tools

// Package tools pins KubeFed's own end-to-end suite, its command line and its controller manager, which the tests of
// the hub's /kubefed root run unmodified. It holds no code: scripts/kubefed-build builds them.
package tools

import (
	_ "k8s.io/client-go/plugin/pkg/client/auth" // imported by the suite's own test file
	_ "sigs.k8s.io/kubefed/cmd/controller-manager"
	_ "sigs.k8s.io/kubefed/cmd/kubefedctl"
	_ "sigs.k8s.io/kubefed/test/e2e"
)
