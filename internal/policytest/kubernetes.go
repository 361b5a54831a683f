package policytest

// The build container, which does not work with stricter profiles; see infra/image.
const builder = "image-build/pod/build"

// kubernetesRules are the rules for namespaces and pods. Other pods, such as those of the
// LeaderWorkerSet chart, are checked in a running cluster.
var kubernetesRules = []Rule{
	// Namespaces.
	{
		IDs: []string{"CIS 4.2.1"}, Title: "the namespace enforces Pod Security baseline or restricted",
		Of: Namespace, Field: `metadata.labels["pod-security.kubernetes.io/enforce"]`, Holds: in("baseline", "restricted"),
		Breaks: []any{"privileged", Absent},
		Except: map[string]string{
			"image-namespace": "rootless BuildKit makes user namespaces, which needs seccomp and AppArmor off and newuidmap's setuid; baseline allows none of the three. Nothing else runs there",
		},
	},
	{
		IDs: []string{"CIS 4.3.2"}, Title: "what no other NetworkPolicy allows is denied, in and out",
		Of: DefaultDeny, Field: "spec.policyTypes", Holds: all(lists("Ingress"), lists("Egress")), Breaks: []any{[]any{"Ingress"}, []any{"Egress"}, Absent},
	},
	{
		IDs: []string{"CIS 4.6.1", "CIS 4.6.4", "CKV_K8S_21", "KSV-0110"}, Title: "nothing runs in the default namespace",
		Of: Workload, Field: "metadata.namespace", Holds: all(set, isNot("default")), Breaks: []any{"default", "", Absent},
	},
	{
		IDs: []string{"KSV-0037"}, Title: "nothing of this stack runs in kube-system",
		Of: Workload, Field: "metadata.namespace", Holds: isNot("kube-system"), Breaks: []any{"kube-system"},
	},
	{
		IDs: []string{"kube-score service-type"}, Title: "the Service is only reachable inside the cluster",
		Of: Service, Field: "spec.type", Holds: in("ClusterIP", nil), Breaks: []any{"NodePort", "LoadBalancer"},
	},

	// Identities of pods.
	{
		IDs: []string{"CIS 4.1.4", "CKV_K8S_41", "CKV_K8S_42"}, Title: "each kind of pod has a service account of its own",
		Of: Pod, Field: "spec.serviceAccountName", Holds: all(set, isNot("default")), Breaks: []any{"default", "", Absent},
	},
	{
		IDs: []string{"CIS 4.1.5", "CKV_K8S_38", "KSV-0036"}, Title: "pods that do not talk to the API server have no token for it",
		Of: Pod, Field: "spec.automountServiceAccountToken", Holds: is(false), Breaks: []any{true, Absent},
	},
	{
		IDs: []string{"CIS 4.1.5"}, Title: "other pods with the account have no token either",
		Of: Account, Field: "automountServiceAccountToken", Holds: is(false), Breaks: []any{true, Absent},
	},

	// Pods and their host.
	{
		IDs: []string{"CIS 4.6.2", "CKV_K8S_31", "KSV-0030"}, Title: "seccomp's default profile",
		Of: Pod, Field: "spec.securityContext.seccompProfile.type", Holds: is("RuntimeDefault"), Breaks: []any{"Unconfined", Absent},
	},
	{
		IDs: []string{"KSV-0104"}, Title: "no container turns seccomp off",
		Of: Container, Field: "securityContext.seccompProfile.type", Holds: isNot("Unconfined"), Breaks: []any{"Unconfined"},
		Except: map[string]string{builder: "seccomp's default profile forbids the mounts and namespaces that a build step needs"},
	},
	{
		IDs: []string{"KSV-0002"}, Title: "no container turns AppArmor off",
		Of: Container, Field: "securityContext.appArmorProfile.type", Holds: isNot("Unconfined"), Breaks: []any{"Unconfined"},
		Except: map[string]string{builder: "AppArmor's default profile forbids mounts"},
	},

	// Containers.
	{
		IDs: []string{"CKV_K8S_16", "KSV-0017"}, Title: "no container is privileged",
		Of: Container, Field: "securityContext.privileged", Holds: isNot(true), Breaks: []any{true},
	},
	{
		IDs: []string{"CIS 4.6.3", "CKV_K8S_20", "KSV-0001"}, Title: "no process gets more rights than its parent",
		Of: Container, Field: "securityContext.allowPrivilegeEscalation", Holds: is(false), Breaks: []any{true, Absent},
		Except: map[string]string{builder: "newuidmap is setuid: without privilege escalation it fails with `newuidmap: operation not permitted`"},
	},
	{
		IDs: []string{"CIS 4.6.3", "CKV_K8S_28", "CKV_K8S_37", "KSV-0003", "KSV-0004", "KSV-0106"}, Title: "all capabilities are dropped",
		Of: Container, Field: "securityContext.capabilities.drop", Holds: lists("ALL"), Breaks: []any{[]any{}, []any{"NET_RAW"}, Absent},
		Except: map[string]string{builder: "newuidmap needs SETUID and SETGID of the default set"},
	},
	{
		IDs: []string{"CKV_K8S_22", "KSV-0014"}, Title: "the image's files cannot be changed",
		Of: Container, Field: "securityContext.readOnlyRootFilesystem", Holds: is(true), Breaks: []any{false, Absent},
		Except: map[string]string{builder: "RootlessKit and BuildKit write to /run, /tmp and the home folder of the image; it is not documented whether volumes there are enough"},
	},
	{
		IDs: []string{"KSV-0105"}, Title: "no container asks for root",
		Of: Container, Field: "securityContext.runAsUser", Holds: isNot(0.0), Breaks: []any{0.0},
	},
	{
		IDs: []string{"CIS 5.1.4", "CKV_K8S_14", "KSV-0013"}, Title: "the image's tag is not latest",
		Of: Container, Field: "image", Holds: pinned, Breaks: []any{"busybox", "busybox:latest", "registry:5000/busybox"},
	},
	{
		IDs: []string{"CKV_K8S_10", "KSV-0015"}, Title: "CPU is requested",
		Of: Container, Field: "resources.requests.cpu", Holds: set, Breaks: []any{Absent},
	},
	{
		IDs: []string{"CKV_K8S_11", "KSV-0011"}, Title: "CPU is limited",
		Of: Container, Field: "resources.limits.cpu", Holds: set, Breaks: []any{Absent},
	},
	{
		IDs: []string{"CKV_K8S_12", "KSV-0016"}, Title: "memory is requested",
		Of: Container, Field: "resources.requests.memory", Holds: set, Breaks: []any{Absent},
	},
	{
		IDs: []string{"CKV_K8S_13", "KSV-0018"}, Title: "memory is limited",
		Of: Container, Field: "resources.limits.memory", Holds: set, Breaks: []any{Absent},
	},
	{
		IDs: []string{"CKV_K8S_8"}, Title: "a server that hangs is restarted",
		Of: Server, Field: "livenessProbe", Holds: set, Breaks: []any{Absent},
	},
	{
		IDs: []string{"CKV_K8S_9"}, Title: "a server that is not ready gets no requests",
		Of: Server, Field: "readinessProbe", Holds: set, Breaks: []any{Absent},
	},
}

// neverSet are fields that the program must not set, because some of their values break a rule.
var neverSet = []struct {
	of     Kind
	field  string
	entry  string // this field in each element of the list; empty means the field itself
	ids    []string
	title  string
	breaks []any
}{
	{Service, "spec.externalIPs", "", []string{"KSV-0108"}, "the Service takes no external address", []any{[]any{"203.0.113.7"}}},
	{Pod, "spec.hostNetwork", "", []string{"CKV_K8S_19", "KSV-0009"}, "the host's network is not shared", []any{true}},
	{Pod, "spec.hostPID", "", []string{"CKV_K8S_17", "KSV-0010"}, "the host's processes are not shared", []any{true}},
	{Pod, "spec.hostIPC", "", []string{"CKV_K8S_18", "KSV-0008"}, "the host's memory segments are not shared", []any{true}},
	{Pod, "spec.hostAliases", "", []string{"KSV-0007"}, "names are resolved only by DNS", []any{[]any{map[string]any{"ip": "10.0.0.1"}}}},
	{Pod, "spec.securityContext.sysctls", "", []string{"KSV-0026"}, "no sysctl is changed", []any{[]any{map[string]any{"name": "kernel.msgmax"}}}},
	{Pod, "spec.volumes", "hostPath", []string{"CKV_K8S_27", "KSV-0006", "KSV-0023"}, "no folder of the host is mounted", []any{[]any{map[string]any{"name": "socket", "hostPath": map[string]any{"path": "/var/run/docker.sock"}}}}},
	{Container, "securityContext.capabilities.add", "", []string{"CKV_K8S_25", "CKV_K8S_39", "KSV-0005", "KSV-0022", "KSV-0119", "KSV-0120"}, "no capability is added", []any{[]any{"SYS_ADMIN"}, []any{"NET_RAW"}, []any{"SYS_MODULE"}}},
	{Container, "securityContext.procMount", "", []string{"KSV-0027"}, "the kernel's secrets under /proc stay masked", []any{"Unmasked"}},
	{Container, "ports", "hostPort", []string{"CKV_K8S_26", "KSV-0024"}, "no port of the host is taken", []any{[]any{map[string]any{"containerPort": 8000.0, "hostPort": 8000.0}}}},
	{Container, "env", "valueFrom.secretKeyRef", []string{"CIS 4.4.1", "CKV_K8S_35"}, "secrets are files, not variables, which every child process and every dump has", []any{[]any{map[string]any{"name": "TOKEN", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "s", "key": "k"}}}}}},
	{Container, "envFrom", "secretRef", []string{"CKV_K8S_35"}, "nor are whole secrets", []any{[]any{map[string]any{"secretRef": map[string]any{"name": "s"}}}}},
}

func init() {
	for _, n := range neverSet {
		holds := func(v any) bool { return !set(v) }
		if n.entry != "" {
			holds = each(field(n.entry, isNotThere))
		}
		kubernetesRules = append(kubernetesRules, Rule{IDs: n.ids, Title: n.title, Of: n.of, Field: n.field, Holds: holds, Breaks: n.breaks})
	}
}

func isNotThere(v any) bool { return v == nil }
