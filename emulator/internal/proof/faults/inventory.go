package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/proof/world"
)

// inventory is everything that a stack consists of: in its state, in the cloud, and in the cluster.
type inventory struct {
	state   map[string]string // ids by URN
	cloud   []string
	objects []string
}

// kinds of objects whose names no controller makes up.
const kinds = "namespaces,serviceaccounts,networkpolicies,deployments,jobs,services,configmaps,secrets,storageclasses,clusterroles,clusterrolebindings," +
	"roles,rolebindings,customresourcedefinitions,poddisruptionbudgets,mutatingwebhookconfigurations,validatingwebhookconfigurations"

// take looks at the world.
func take(ctx context.Context, w *world.World) (inventory, error) {
	now := inventory{state: map[string]string{}}
	d, _, err := w.Deployment()
	if err != nil {
		return now, err
	}
	for _, r := range d.Resources {
		if _, twice := now.state[string(r.URN)]; twice {
			now.state[string(r.URN)+" once more"] = string(r.ID)
			continue
		}
		now.state[string(r.URN)] = string(r.ID)
		if strings.HasPrefix(string(r.Type), "pulumi:") {
			now.state[string(r.URN)] = "" // a provider's id is new with each
		}
	}
	var all []struct{ Type, ID string }
	if err := w.Get(ctx, "/cloud/resources", &all); err != nil {
		return now, err
	}
	for _, r := range all {
		if r.Type != "disk" { // of claims, whose names are new with each
			now.cloud = append(now.cloud, r.Type+" "+r.ID)
		}
	}
	for _, file := range w.Layout.AdminKubeconfigs() {
		cmd := w.Kubectl(ctx, "--kubeconfig", file, "get", kinds, "--all-namespaces", "--ignore-not-found", "-o",
			`jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\n"}{end}`)
		out, err := cmd.Output()
		if err != nil {
			return now, fmt.Errorf("kubectl get: %w", err)
		}
		for line := range strings.Lines(string(out)) {
			now.objects = append(now.objects, strings.TrimSpace(line))
		}
	}
	slices.Sort(now.cloud)
	slices.Sort(now.objects)
	return now, nil
}

// numbered reports whether Google makes the ids of a type, or of the one in a URN, up: a resource that is created again has another.
func numbered(typ string) bool {
	return strings.Contains(typ, "gcp:monitoring/alertPolicy:") || strings.Contains(typ, "gcp:monitoring/dashboard:")
}

// counted gives each resource of the cloud whose id Google makes up its number among those of its type instead.
func counted(all []string) []string {
	count := map[string]int{}
	same := slices.Clone(all)
	for i, key := range all {
		if typ, _, _ := strings.Cut(key, " "); numbered(typ) {
			count[typ]++
			same[i] = fmt.Sprintf("%s number %d", typ, count[typ])
		}
	}
	return same
}

// difference says how another inventory differs; empty: not at all. Ids that Google makes up may differ.
func (i inventory) difference(now inventory) string {
	var lines []string
	compare := func(what string, was, is []string) {
		for _, x := range was {
			if !slices.Contains(is, x) {
				lines = append(lines, what+" lacks "+x)
			}
		}
		for _, x := range is {
			if !slices.Contains(was, x) {
				lines = append(lines, what+" has besides "+x)
			}
		}
	}
	pairs := func(m map[string]string) (all []string) {
		for _, urn := range slices.Sorted(maps.Keys(m)) {
			if numbered(urn) {
				all = append(all, urn)
				continue
			}
			all = append(all, strings.TrimSpace(urn+" "+m[urn]))
		}
		return all
	}
	compare("the state", pairs(i.state), pairs(now.state))
	compare("the cloud", counted(i.cloud), counted(now.cloud))
	compare("the cluster", i.objects, now.objects)
	return strings.Join(lines, "\n")
}

// locked reports whether a command that was killed has left the lock of the stack.
func locked(w *world.World) bool {
	found, _ := filepath.Glob(filepath.Join(w.Layout.Pulumi(), "state", ".pulumi", "locks", "*", "*", "*", "*.json")) // the pattern is well-formed
	return len(found) > 0
}

// adopt takes into the state what exists and the state does not have: what pulumi preview would create is listed by it as
// a file for pulumi import, in which a person fills the ids in.
func adopt(ctx context.Context, w *world.World, reference inventory) error {
	file := filepath.Join(w.Layout.Tmp(), "import.json")
	if result := w.Pulumi(ctx, "preview", "--import-file", file); !result.OK() {
		return errors.New(tail(result.Output))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var list struct {
		NameTable map[string]string `json:"nameTable,omitempty"`
		Resources []map[string]any  `json:"resources"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	now, err := take(ctx, w)
	if err != nil {
		return err
	}
	var known []map[string]any
	for _, r := range list.Resources {
		typ, _ := r["type"].(string)
		if r["component"] == true {
			known = append(known, r)
			continue
		}
		for urn, id := range reference.state {
			u := resource.URN(urn)
			if string(u.Type()) == typ && (u.Name() == r["name"] || u.Name() == r["logicalName"]) && slices.Contains(now.cloud, typ+" "+id) {
				r["id"] = id
				known = append(known, r)
			}
		}
	}
	if len(known) == 0 {
		return errors.New("there is nothing to import")
	}
	list.Resources = known
	if text, err = json.Marshal(list); err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	if result := w.Pulumi(ctx, "import", "--file", file, "--yes", "--skip-preview", "--protect=false", "--generate-code=false"); !result.OK() {
		return errors.New(tail(result.Output))
	}
	return nil
}

// strangers are what the cloud has and the state does not.
func strangers(ctx context.Context, w *world.World) (found []string, err error) {
	d, _, err := w.Deployment()
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, r := range d.Resources {
		known[string(r.Type)+" "+string(r.ID)] = true
	}
	var all []struct{ Type, ID string }
	if err := w.Get(ctx, "/cloud/resources", &all); err != nil {
		return nil, err
	}
	for _, r := range all {
		if key := r.Type + " " + r.ID; !known[key] && strings.HasPrefix(r.Type, "gcp:") && !shared(r.Type) {
			found = append(found, key)
		}
	}
	return found, nil
}

// shared are the members of policies: to create one that is there changes nothing.
func shared(typ string) bool { return strings.Contains(strings.ToLower(typ), "iammember") }

// remove deletes from the cloud what the state does not have, as a person does by gcloud.
func remove(ctx context.Context, w *world.World) error {
	found, err := strangers(ctx, w)
	if err != nil {
		return err
	}
	for _, key := range found {
		typ, id, _ := strings.Cut(key, " ")
		var reply cloud.Reply
		if err := w.Post(ctx, "/cloud/delete", cloud.Request{Type: typ, ID: id}, &reply); err != nil {
			return err
		}
		if reply.Error != "" {
			return errors.New(reply.Error)
		}
	}
	return nil
}
