package main

// What is in a fresh cluster: nodes that look like a small data centre's, and the
// right to read config maps for the limited user.

import (
	"context"
	"errors"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"
)

type cluster struct {
	*plane
	client *kubernetes.Clientset
}

func connect(p *plane) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfigs["admin"])
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	return &cluster{p, client}, err
}

func (c *cluster) seed(ctx context.Context) error {
	if err := eventually(30*time.Second, c.Name+": kube-system", func() error {
		namespace, err := c.client.CoreV1().Namespaces().Get(ctx, meta.NamespaceSystem, meta.GetOptions{})
		if err == nil {
			c.UID = string(namespace.UID)
		}
		return err
	}); err != nil {
		return err
	}
	if err := eventually(30*time.Second, c.Name+": rights of the limited user", func() error {
		return c.grantLimited(ctx)
	}); err != nil {
		return err
	}
	if c.Flavour != full {
		return nil
	}
	for i := range c.spec.nodes {
		node := c.node(i)
		if _, err := c.client.CoreV1().Nodes().Create(ctx, node, meta.CreateOptions{}); err != nil {
			return err
		}
		c.Nodes = append(c.Nodes, node.Name)
	}
	return nil
}

func (c *cluster) grantLimited(ctx context.Context) error {
	name := meta.ObjectMeta{Name: "hanse-test-limited", Namespace: meta.NamespaceDefault}
	_, err := c.client.RbacV1().Roles(name.Namespace).Create(ctx, &rbac.Role{
		ObjectMeta: name,
		Rules: []rbac.PolicyRule{{
			APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "watch"},
		}},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	_, err = c.client.RbacV1().RoleBindings(name.Namespace).Create(ctx, &rbac.RoleBinding{
		ObjectMeta: name,
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "Role", Name: name.Name},
		Subjects:   []rbac.Subject{{APIGroup: rbac.GroupName, Kind: rbac.UserKind, Name: limitedUser}},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

func (c *cluster) node(index int) *core.Node {
	name := fmt.Sprintf("%s-node-%d", c.Name, index+1)
	capacity := core.ResourceList{
		core.ResourceCPU:              resource.MustParse("16"),
		core.ResourceMemory:           resource.MustParse("64Gi"),
		core.ResourceEphemeralStorage: resource.MustParse("200Gi"),
		core.ResourcePods:             resource.MustParse("250"),
	}
	// A kubelet keeps something for the system and itself.
	allocatable := capacity.DeepCopy()
	allocatable[core.ResourceCPU] = resource.MustParse("15800m")
	allocatable[core.ResourceMemory] = resource.MustParse("62Gi")
	return &core.Node{
		ObjectMeta: meta.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
			Labels: map[string]string{
				core.LabelHostname:           name,
				core.LabelOSStable:           "linux",
				core.LabelArchStable:         "amd64",
				core.LabelInstanceTypeStable: "standard-16",
				core.LabelTopologyRegion:     c.spec.region,
				core.LabelTopologyZone:       c.spec.region + "-" + c.spec.zones[index%len(c.spec.zones)],
			},
		},
		Status: core.NodeStatus{
			Capacity:    capacity,
			Allocatable: allocatable,
			NodeInfo: core.NodeSystemInfo{
				Architecture:            "amd64",
				OperatingSystem:         "linux",
				KernelVersion:           "6.1.0",
				OSImage:                 "Debian GNU/Linux 12 (bookworm)",
				ContainerRuntimeVersion: "containerd://2.1.0",
				KubeletVersion:          version.Get().GitVersion,
			},
		},
	}
}

// settled returns when a pod created now would be scheduled and run at once.
func (c *cluster) settled(ctx context.Context) error {
	return eventually(2*time.Minute, c.Name+": nodes ready, controllers at work", func() error {
		if ctx.Err() != nil {
			return nil // told to end
		}
		if _, err := c.client.CoreV1().ServiceAccounts(meta.NamespaceDefault).
			Get(ctx, "default", meta.GetOptions{}); err != nil {
			return err
		}
		nodes, err := c.client.CoreV1().Nodes().List(ctx, meta.ListOptions{})
		if err != nil {
			return err
		}
		schedulable := 0
		for _, node := range nodes.Items {
			for _, condition := range node.Status.Conditions {
				if condition.Type == core.NodeReady && condition.Status == core.ConditionTrue && len(node.Spec.Taints) == 0 {
					schedulable++
				}
			}
		}
		if schedulable < c.spec.nodes {
			return errors.New("not all nodes are ready")
		}
		return nil
	})
}
