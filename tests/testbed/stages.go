package main

// What kwok does with nodes and pods: kwok's own stages (a pod is Ready at once, a
// Job's pod completes at once, a deleted pod goes at once), and on top of them
// knobs that a test turns with annotations of its pod template. A stage with a
// weight wins over kwok's, which have none; the conditions below are such that no
// two of ours match the same pod at the same time, so that nothing is left to
// kwok's dice.

import (
	_ "embed"
	"fmt"
	"os"
	"strconv"
	"strings"

	"sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/yaml"
)

var (
	//go:embed stages/unready.tmpl
	unready string
	//go:embed stages/ready.tmpl
	ready string
	//go:embed stages/crashed.tmpl
	crashed string
	//go:embed stages/ended.tmpl
	ended string
)

// The knobs, and jq for the states of a pod. Annotation values that are times are
// Go durations (5s, 1m30s).
const (
	readyDelay  = `.metadata.annotations["hanse.test/ready-delay"]`  // runs at once, Ready after this time
	crash       = `.metadata.annotations["hanse.test/crash"]`        // "true": CrashLoopBackOff; also on a running pod
	crashAfter  = `.metadata.annotations["hanse.test/crash-after"]`  // Ready at first, crashes after this time
	fail        = `.metadata.annotations["hanse.test/fail"]`         // "true": phase Failed, exit code 1
	runFor      = `.metadata.annotations["hanse.test/run-for"]`      // a Job's pod succeeds after this time
	deleteDelay = `.metadata.annotations["hanse.test/delete-delay"]` // Terminating for this time

	alive     = `.metadata.deletionTimestamp == null`
	pending   = `.status.phase == "Pending"`
	running   = `.status.phase == "Running"`
	isReady   = `any(.status.conditions[]?; .type == "Ready" and .status == "True")`
	isCrashed = `any(.status.containerStatuses[]?; .state.waiting.reason == "CrashLoopBackOff")`
	ofJob     = `any(.metadata.ownerReferences[]?; .kind == "Job")`
)

func is(knob string) string    { return fmt.Sprintf(`(%s == "true")`, knob) }
func isnt(knob string) string  { return fmt.Sprintf(`(%s != "true")`, knob) }
func set(knob string) string   { return fmt.Sprintf(`(%s != null)`, knob) }
func unset(knob string) string { return fmt.Sprintf(`(%s == null)`, knob) }
func not(what string) string   { return fmt.Sprintf(`(%s | not)`, what) }

type stage struct {
	name     string
	when     []string // jq, all must be true
	delay    string   // the annotation (jq) that says how long to wait
	millis   int      // or a fixed time
	template string   // of the pod's status; none: the pod is deleted
}

var stages = []stage{
	{
		name:     "start-unready",
		when:     []string{set(readyDelay), isnt(crash), isnt(fail), alive, pending},
		template: unready,
	},
	{
		name:     "become-ready",
		when:     []string{set(readyDelay), isnt(crash), isnt(fail), alive, running, not(isReady), not(isCrashed)},
		delay:    readyDelay,
		template: ready,
	},
	{
		name:     "crash",
		when:     []string{is(crash), isnt(fail), alive, "(" + pending + " or " + running + ")", not(isCrashed)},
		template: crashed,
	},
	{
		name:     "crash-later",
		when:     []string{set(crashAfter), isnt(crash), isnt(fail), alive, running, isReady, not(isCrashed)},
		delay:    crashAfter,
		template: crashed,
	},
	{
		name:     "crash-again",
		when:     []string{"(" + is(crash) + " or " + set(crashAfter) + ")", isnt(fail), alive, isCrashed},
		millis:   5000,
		template: crashed,
	},
	{
		name:     "recover",
		when:     []string{isnt(crash), unset(crashAfter), isnt(fail), alive, isCrashed},
		template: ready,
	},
	{
		// A ReplicaSet replaces a failed pod at once and without end; a second slows it down.
		name:     "fail",
		when:     []string{is(fail), alive, "(" + pending + " or " + running + ")"},
		millis:   1000,
		template: end("Failed", 1),
	},
	{
		name:     "complete-later",
		when:     []string{set(runFor), unset(crashAfter), isnt(crash), isnt(fail), alive, running, isReady, ofJob},
		delay:    runFor,
		template: end("Succeeded", 0),
	},
	{
		name:  "delete-later",
		when:  []string{set(deleteDelay), not(alive)},
		delay: deleteDelay,
	},
}

func end(phase string, exitCode int) string {
	return strings.NewReplacer("PHASE", phase, "EXIT_CODE", strconv.Itoa(exitCode)).Replace(ended)
}

type object = map[string]any

func (s stage) manifest() object {
	expressions := []object{}
	for _, w := range s.when {
		expressions = append(expressions, object{"key": w, "operator": "In", "values": []string{"true"}})
	}
	next := object{"statusTemplate": s.template}
	if s.template == "" {
		next = object{"delete": true}
	}
	spec := object{
		"resourceRef": object{"apiGroup": "v1", "kind": "Pod"},
		"selector":    object{"matchExpressions": expressions},
		"weight":      10,
		"next":        next,
	}
	if s.delay != "" {
		spec["delay"] = object{"durationMilliseconds": 0, "durationFrom": object{"expressionFrom": s.delay}}
	} else if s.millis > 0 {
		spec["delay"] = object{"durationMilliseconds": s.millis}
	}
	return kwokObject("Stage", "hanse-"+s.name, spec)
}

func kwokObject(kind, name string, spec object) object {
	return object{
		"apiVersion": "kwok.x-k8s.io/v1alpha1",
		"kind":       kind,
		"metadata":   object{"name": name},
		"spec":       spec,
	}
}

// kwokConfiguration is the whole of kwok's configuration file. Every container has
// the given log file (CRI format), exec really runs the command on this machine, and
// a forwarded port answers with what it is sent.
func kwokConfiguration(logFile string) ([]byte, error) {
	documents := []string{
		fast.DefaultNodeInit,
		heartbeat.DefaultNodeHeartbeatWithLease,
		podfast.DefaultPodReady,
		podfast.DefaultPodComplete,
		podfast.DefaultPodDelete,
	}
	own := []object{
		kwokObject("ClusterExec", "exec", object{"execs": []object{{"local": object{}}}}),
		kwokObject("ClusterPortForward", "port-forward", object{"forwards": []object{{"command": []string{"cat"}}}}),
	}
	if logFile != "" {
		own = append(own,
			kwokObject("ClusterLogs", "logs", object{"logs": []object{{"logsFile": logFile}}}),
			kwokObject("ClusterAttach", "attach", object{"attaches": []object{{"logsFile": logFile}}}),
		)
	}
	for _, s := range stages {
		own = append(own, s.manifest())
	}
	for _, o := range own {
		text, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		documents = append(documents, string(text))
	}
	return []byte(strings.Join(documents, "\n---\n")), nil
}

func kwokStages() {
	text, err := kwokConfiguration("")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(text)
}
