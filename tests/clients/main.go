// Unmodified Kubernetes clients for the tests of the hub: an informer of client-go that tells what it sees, and helm.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/cli"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	usage := fmt.Errorf("usage: clients informer KUBECONFIG NAMESPACE GROUP VERSION RESOURCE | helm install|uninstall KUBECONFIG NAMESPACE NAME [CHART]")
	switch {
	case len(args) == 6 && args[0] == "informer":
		return informer(args[1], args[2], schema.GroupVersionResource{Group: args[3], Version: args[4], Resource: args[5]})
	case len(args) >= 5 && args[0] == "helm":
		return helm(args[1], args[2], args[3], args[4], args[5:])
	}
	return usage
}

// event is one line of output.
type event struct {
	Type      string `json:"type"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Version   string `json:"version"`
	Old       string `json:"old,omitempty"`
	Data      any    `json:"data,omitempty"`
}

// informer prints what an informer is told, one line each, until standard input ends.
func informer(kubeconfig, namespace string, resource schema.GroupVersionResource) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, nil)
	informer := factory.ForResource(resource).Informer()
	out := json.NewEncoder(os.Stdout)
	tell := func(kind string, old, object any) {
		if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			kind, object = kind+"-unseen", tombstone.Obj
		}
		now := object.(*unstructured.Unstructured)
		line := event{Type: kind, Name: now.GetName(), Namespace: now.GetNamespace(), Version: now.GetResourceVersion()}
		if before, ok := old.(*unstructured.Unstructured); ok {
			line.Old = before.GetResourceVersion()
		}
		line.Data = now.Object["data"]
		_ = out.Encode(line)
	}
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell("add", nil, object) },
		UpdateFunc: func(old, object any) { tell("update", old, object) },
		DeleteFunc: func(object any) { tell("delete", nil, object) },
	})
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	go informer.Run(stop)
	if !cache.WaitForCacheSync(stop, informer.HasSynced) {
		return fmt.Errorf("the informer did not come up")
	}
	_ = out.Encode(event{Type: "synced"})
	for scanner := bufio.NewScanner(os.Stdin); scanner.Scan(); {
	}
	close(stop)
	return nil
}

// helm installs (waiting until everything is ready) or removes a release.
func helm(verb, kubeconfig, namespace, name string, rest []string) error {
	settings := cli.New()
	settings.KubeConfig = kubeconfig
	settings.SetNamespace(namespace)
	config := new(action.Configuration)
	debug := func(format string, values ...any) { fmt.Fprintf(os.Stderr, format+"\n", values...) }
	if err := config.Init(settings.RESTClientGetter(), namespace, "secrets", debug); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	switch verb {
	case "install":
		install := action.NewInstall(config)
		install.ReleaseName, install.Namespace = name, namespace
		install.Wait, install.WaitForJobs, install.Timeout = true, true, 60*time.Second
		if len(rest) != 1 {
			return fmt.Errorf("which chart?")
		}
		chart, err := loader.Load(rest[0])
		if err != nil {
			return err
		}
		release, err := install.RunWithContext(ctx, chart, nil)
		if err != nil {
			return err
		}
		fmt.Println(release.Info.Status)
	case "uninstall":
		uninstall := action.NewUninstall(config)
		uninstall.Wait, uninstall.Timeout = true, 60*time.Second
		if _, err := uninstall.Run(name); err != nil {
			return err
		}
		fmt.Println("uninstalled")
	default:
		return fmt.Errorf("helm %s is not known", verb)
	}
	return nil
}
