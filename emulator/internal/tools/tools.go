// Package tools builds the programs that the emulator and the checks run.
package tools

// Tool is a program that is built from a Go module in a subfolder of the tools folder.
type Tool struct {
	Name    string // file name
	Folder  string // subfolder with the module that pins the version
	Package string
	Version string
	Linker  string // -ldflags in addition to -s -w
	// Lean are patterns of packages that are compiled without inlining and debug information,
	// which the linker drops anyway. Only this tool may use them, because other flags are
	// another build of a package, and their speed may not matter.
	Lean []string
	// Seconds is the measured duration of a first build on two cores. Packages that tools of
	// one module share count for the first of them.
	Seconds int
}

// LWSManager is the file name of the LeaderWorkerSet controller. For versions other than the
// pinned one, "-VERSION" is appended.
const LWSManager = "lws-manager"

const (
	kubernetesVersion = "1.34.2"
	kubernetesLinker  = "-X k8s.io/component-base/version.gitVersion=v" + kubernetesVersion +
		" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34" +
		" -X k8s.io/client-go/pkg/version.gitVersion=v" + kubernetesVersion
	pulumiVersion   = "3.259.0"
	providerVersion = "4.25.0"
	buildkitVersion = "0.25.1"
	buildkitLinker  = "-X github.com/moby/buildkit/version.Version=v" + buildkitVersion
)

// Runtime are the tools of a running emulator. What is lean was measured by the CPU time of a
// build: the Kubernetes provider's 66 packages of Pulumi's SDK, of which it needs the types, are
// a quarter of all that is compiled (apps/v1: 4.5 s instead of 6.8 s); the OpenAPI library of
// Pulumi's CLI (54 s instead of 75 s); the Kubernetes libraries of the LeaderWorkerSet controller
// (77 s instead of 98 s).
var Runtime = []Tool{
	{Name: "etcd", Folder: "etcd", Package: "go.etcd.io/etcd/server/v3", Version: "3.6.5", Seconds: 24},
	{Name: "kube-apiserver", Folder: "kubernetes", Package: "k8s.io/kubernetes/cmd/kube-apiserver", Version: kubernetesVersion, Linker: kubernetesLinker, Seconds: 150},
	{Name: "kube-controller-manager", Folder: "kubernetes", Package: "k8s.io/kubernetes/cmd/kube-controller-manager", Version: kubernetesVersion, Linker: kubernetesLinker, Seconds: 45},
	{Name: "kube-scheduler", Folder: "kubernetes", Package: "k8s.io/kubernetes/cmd/kube-scheduler", Version: kubernetesVersion, Linker: kubernetesLinker, Seconds: 10},
	{Name: LWSManager, Folder: "lws", Package: "sigs.k8s.io/lws/cmd", Version: "0.9.0", Lean: []string{"k8s.io/..."}, Seconds: 60},
	{Name: "go-language-host", Folder: "language-go", Package: "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go", Version: "3.66.0", Seconds: 17},
	{Name: "pulumi", Folder: "pulumi", Package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", Version: pulumiVersion, Linker: "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + pulumiVersion, Lean: []string{"github.com/pb33f/..."}, Seconds: 150},
	{Name: "json-exporter", Folder: "json-exporter", Package: ".", Version: "0.7.0", Seconds: 25},
	{Name: "pulumi-resource-kubernetes", Folder: "provider-kubernetes", Package: ".", Version: providerVersion, Linker: "-X github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=" + providerVersion, Lean: []string{"github.com/pulumi/pulumi-kubernetes/sdk/v4/...", "k8s.io/client-go/..."}, Seconds: 240},
}

// LWSBefore is the LeaderWorkerSet controller of the release before the pinned one, from which
// a test upgrades. Only pods with its image run it.
var LWSBefore = []Tool{
	{Name: LWSManager + "-0.8.0", Folder: "lws-before", Package: "sigs.k8s.io/lws/cmd", Version: "0.8.0", Seconds: 100},
}

// BuildKit is the real builder, with which tests compare the emulated one.
var BuildKit = []Tool{
	{Name: "buildkitd", Folder: "buildkit", Package: "github.com/moby/buildkit/cmd/buildkitd", Version: buildkitVersion, Linker: buildkitLinker, Seconds: 100},
	{Name: "buildctl", Folder: "buildkit", Package: "github.com/moby/buildkit/cmd/buildctl", Version: buildkitVersion, Linker: buildkitLinker, Seconds: 10},
}

// Prometheus replaces GKE's managed collection in tests.
var Prometheus = []Tool{
	{Name: "prometheus", Folder: "prometheus", Package: ".", Version: "0.316.0", Seconds: 90},
}

// Check are the tools of make check.
var Check = []Tool{
	{Name: "gofumpt", Folder: "gofumpt", Package: "mvdan.cc/gofumpt", Version: "0.9.1", Seconds: 15},
	{Name: "golangci-lint", Folder: "golangci-lint", Package: "github.com/golangci/golangci-lint/v2/cmd/golangci-lint", Version: "2.6.2", Seconds: 240},
	{Name: "kube-score", Folder: "kube-score", Package: "github.com/zegl/kube-score/cmd/kube-score", Version: "1.20.0", Seconds: 30},
	{Name: "govulncheck", Folder: "govulncheck", Package: "golang.org/x/vuln/cmd/govulncheck", Version: "1.1.4", Seconds: 20},
}
