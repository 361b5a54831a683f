package policytest

import (
	"fmt"
	"strings"
)

// Kind is the kind of a rule's subjects.
type Kind string

// Kinds of whole resources are their type tokens.
const (
	Cluster       Kind = "gcp:container/cluster:Cluster"
	NodePool      Kind = "gcp:container/nodePool:NodePool"
	Network       Kind = "gcp:compute/network:Network"
	Subnetwork    Kind = "gcp:compute/subnetwork:Subnetwork"
	NAT           Kind = "gcp:compute/routerNat:RouterNat"
	Firewall      Kind = "gcp:compute/firewall:Firewall"
	Repository    Kind = "gcp:artifactregistry/repository:Repository"
	RepositoryIAM Kind = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
	ProjectIAM    Kind = "gcp:projects/iAMMember:IAMMember"
	AccountIAM    Kind = "gcp:serviceaccount/iAMMember:IAMMember"
	Bucket        Kind = "gcp:storage/bucket:Bucket"
	BucketIAM     Kind = "gcp:storage/bucketIAMMember:BucketIAMMember"
	SecretIAM     Kind = "gcp:secretmanager/secretIamMember:SecretIamMember"
	Namespace     Kind = "kubernetes:core/v1:Namespace"
	Service       Kind = "kubernetes:core/v1:Service"
	Account       Kind = "kubernetes:core/v1:ServiceAccount"
	NetworkPolicy Kind = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
	workerSet     Kind = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
	job           Kind = "kubernetes:batch/v1:Job"
	deployment    Kind = "kubernetes:apps/v1:Deployment"
)

// Kinds of parts of resources.
const (
	Workload    Kind = "workload"            // resources that create pods
	Pod         Kind = "pod"                 // each pod template
	Container   Kind = "container"           // each container, init containers too
	Server      Kind = "server container"    // containers that serve requests
	DefaultDeny Kind = "default-deny policy" // the NetworkPolicies that select every pod of a namespace
	NodeImages  Kind = "access of nodes to images"
)

// podTemplates maps the kinds of workloads to the paths of their pod templates, by the pod's
// name.
var podTemplates = map[Kind]map[string]string{
	workerSet:  {"leader": "spec.leaderWorkerTemplate.leaderTemplate", "worker": "spec.leaderWorkerTemplate.workerTemplate"},
	job:        {"pod": "spec.template"},
	deployment: {"pod": "spec.template"},
}

// Subjects returns the subjects of a kind in a graph. They share their fields with the graph.
func (k Kind) Subjects(graph []*Object) []Subject {
	var found []Subject
	for _, o := range graph {
		found = append(found, k.in(o)...)
	}
	return found
}

func (k Kind) in(o *Object) []Subject {
	whole := []Subject{{Object: o, Name: o.Name, Fields: o.Fields}}
	switch k {
	case Workload:
		if podTemplates[Kind(o.Type)] != nil {
			return whole
		}
		return nil
	case Pod:
		return pods(o)
	case Container:
		return containers(o, "initContainers", "containers")
	case Server:
		if Kind(o.Type) == workerSet || Kind(o.Type) == deployment {
			return containers(o, "containers")
		}
		return nil
	case DefaultDeny:
		if Kind(o.Type) == NetworkPolicy && everyPod(Get(o.Fields, "spec.podSelector")) {
			return whole
		}
		return nil
	case NodeImages:
		if Kind(o.Type) == RepositoryIAM && strings.HasSuffix(o.Name, "-reader") {
			return whole
		}
		return nil
	default:
		if Kind(o.Type) == k {
			return whole
		}
		return nil
	}
}

func everyPod(selector any) bool {
	m, ok := selector.(map[string]any)
	return ok && len(m) == 0
}

func pods(o *Object) []Subject {
	var found []Subject
	for _, name := range []string{"leader", "worker", "pod"} {
		path, ok := podTemplates[Kind(o.Type)][name]
		if !ok {
			continue
		}
		if fields, ok := Get(o.Fields, path).(map[string]any); ok {
			found = append(found, Subject{Object: o, Name: o.Name + "/" + name, Path: path, Fields: fields})
		}
	}
	return found
}

func containers(o *Object, lists ...string) []Subject {
	var found []Subject
	for _, pod := range pods(o) {
		for _, list := range lists {
			entries, _ := Get(pod.Fields, "spec."+list).([]any)
			for i, entry := range entries {
				fields, ok := entry.(map[string]any)
				if !ok {
					continue
				}
				found = append(found, Subject{
					Object: o, Name: fmt.Sprintf("%s/%v", pod.Name, fields["name"]),
					Path: fmt.Sprintf("%s.spec.%s[%d]", pod.Path, list, i), Fields: fields,
				})
			}
		}
	}
	return found
}
