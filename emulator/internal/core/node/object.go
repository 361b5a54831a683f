package node

import (
	"maps"
	"runtime"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/spec/topology"
)

// nodeObject returns the Node as GKE registers it.
func nodeObject(spec cloud.Node, address string, port int) *corev1.Node {
	labels := map[string]string{
		corev1.LabelHostname: spec.Name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
	}
	maps.Copy(labels, spec.Labels)
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse(spec.CPU),
		corev1.ResourceMemory:           resource.MustParse(spec.Memory),
		corev1.ResourcePods:             resource.MustParse("110"),
		corev1.ResourceEphemeralStorage: resource.MustParse("90Gi"),
	}
	if spec.TPUs > 0 {
		capacity[topology.ResourceName] = resource.MustParse(strconv.Itoa(spec.TPUs))
	}
	now := metav1.Now()
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: spec.Name, Labels: labels},
		Spec:       corev1.NodeSpec{ProviderID: "gce://emulated/" + spec.Zone + "/" + spec.Name, Taints: spec.Taints},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: allocatable(capacity),
			Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
				Message: "kubelet is posting ready status", LastHeartbeatTime: now, LastTransitionTime: now,
			}},
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: address}, {Type: corev1.NodeHostName, Address: spec.Name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(port)}},
			NodeInfo: corev1.NodeSystemInfo{
				Architecture: "amd64", OperatingSystem: "linux", OSImage: "emulated node", KernelVersion: runtime.GOOS,
				ContainerRuntimeVersion: "emulated://1", KubeletVersion: "v" + spec.Version,
			},
		},
	}
	return node
}

// allocatable subtracts what GKE reserves: a share of CPU and memory that is smaller on larger
// nodes (https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes).
func allocatable(capacity corev1.ResourceList) corev1.ResourceList {
	left := capacity.DeepCopy()
	cpu := capacity.Cpu().MilliValue()
	left[corev1.ResourceCPU] = *resource.NewMilliQuantity(cpu-reserved(cpu, []step{{1000, 60}, {1000, 10}, {2000, 5}, {1 << 50, 2.5}}), resource.DecimalSI)
	const gib = 1 << 30
	memory := capacity.Memory().Value()
	reservedMemory := reserved(memory, []step{{4 * gib, 250}, {4 * gib, 200}, {8 * gib, 100}, {112 * gib, 60}, {1 << 50, 20}}) + 100<<20
	left[corev1.ResourceMemory] = *resource.NewQuantity(memory-reservedMemory, resource.BinarySI)
	left[corev1.ResourceEphemeralStorage] = resource.MustParse("40Gi")
	return left
}

// step reserves a share of the next amount of a resource.
type step struct {
	amount   int64
	perMille float64
}

func reserved(of int64, steps []step) (sum int64) {
	for _, s := range steps {
		part := min(of, s.amount)
		sum += int64(float64(part) * s.perMille / 1000)
		of -= part
	}
	return sum
}
