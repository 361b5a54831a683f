// Package faults makes every operation on every resource of a stack fail in every way, and checks that the next pulumi up
// converges and that pulumi destroy leaves nothing.
package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/injection"
)

// effects are the ways in which an operation can fail, in the order of the table.
var effects = []injection.Effect{
	injection.Refuse, injection.Lose, injection.LoseOnce, injection.Hang, injection.HoldBefore, injection.HoldAfter,
}

var operations = []injection.Operation{injection.Create, injection.Update, injection.Delete, injection.Read}

// cell is one operation on one resource, and one way in which it fails.
type cell struct {
	target    *target
	operation injection.Operation
	effect    injection.Effect
	fault     injection.Fault // with a random error
}

func (c cell) String() string {
	text := fmt.Sprintf("%s %s of %s", c.effect, c.operation, c.target.urn.Name())
	if c.fault.Text != "" {
		text += " (" + c.fault.Text + ")"
	}
	return text
}

// target is a resource whose operations are made to fail.
type target struct {
	urn        resource.URN
	key        string // its name in faults
	google     bool
	updateable bool
}

// name returns the resource's name in reports.
func (t *target) name() string { return t.urn.Name() + " " + string(t.urn.Type()) }

// targets returns all resources of a stack that exist outside of its state.
func targets(d *apitype.DeploymentV3) ([]*target, error) {
	var all []*target
	for _, r := range d.Resources {
		typ := string(r.Type)
		google, kubernetes := strings.HasPrefix(typ, "gcp:"), strings.HasPrefix(typ, "kubernetes:")
		if !r.Custom || !google && !kubernetes {
			continue
		}
		t := &target{urn: r.URN, google: google, updateable: true}
		if google {
			t.key = typ + " " + string(r.ID)
			t.updateable = changeable(typ, r.Inputs, r.Outputs) != ""
		} else {
			path, err := objectPath(r.Outputs)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.URN, err)
			}
			t.key = path
		}
		all = append(all, t)
	}
	return all, nil
}

// changeable returns a property whose change in the state makes the next pulumi up update the resource in place;
// empty if every change replaces the resource.
func changeable(typ string, inputs, state map[string]any) string {
	// The program ignores properties that differ already.
	var usual []string
	if changes, err := cloud.Diff(typ, deepCopy(state), deepCopy(inputs), nil); err == nil {
		for _, c := range changes {
			usual = append(usual, c.Path)
		}
	}
	for _, path := range []string{
		"description", "displayName", "labels.environment", "resourceLabels.environment", "disableOnDestroy", "routingMode",
		"privateIpGoogleAccess", "minPortsPerVm", "management.autoUpgrade", "userLabels.environment", "dashboardJson", "allows[0].ports[0]", "softDeletePolicy.retentionDurationSeconds", "nodeConfig.resourceLabels.environment",
	} {
		edited := cloud.Values(deepCopy(state))
		if !edit(edited, path) {
			continue
		}
		changes, err := cloud.Diff(typ, edited, deepCopy(inputs), usual)
		if err == nil && len(changes) == 1 && !changes[0].Replace {
			return path
		}
	}
	return ""
}

// objectPath returns the path of an object in the API server. The plurals of this program's kinds are regular.
func objectPath(values map[string]any) (string, error) {
	object := unstructured.Unstructured{Object: values}
	kind := object.GroupVersionKind()
	if object.GetAPIVersion() == "" || kind.Kind == "" || object.GetName() == "" {
		return "", fmt.Errorf("no object: %s %s %s", object.GetAPIVersion(), kind.Kind, object.GetName())
	}
	path := "/apis/" + object.GetAPIVersion()
	if kind.Group == "" {
		path = "/api/" + kind.Version
	}
	if namespace := object.GetNamespace(); namespace != "" && kind.Kind != "Namespace" {
		path += "/namespaces/" + namespace
	}
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	return path + "/" + plural.Resource + "/" + object.GetName(), nil
}

// exists reports whether an operation can fail in this way. For operations other than a create, the provider
// recovers from one lost answer by a retry.
func exists(operation injection.Operation, effect injection.Effect) bool {
	return effect != injection.LoseOnce || operation == injection.Create
}

// cells lists the cells of the targets, by operation and effect, with random errors.
func cells(all []*target, draw *rand.Rand) []cell {
	var found []cell
	for _, operation := range operations {
		for _, effect := range effects {
			for _, t := range all {
				if !exists(operation, effect) || operation == injection.Update && !t.updateable {
					continue
				}
				f := injection.Fault{Operation: operation, Resource: t.key, Effect: effect}
				switch effect {
				case injection.Refuse:
					drawError(&f, t, draw)
				case injection.Hang:
					timeout(&f, t)
				}
				found = append(found, cell{t, operation, effect, f})
			}
		}
	}
	return found
}

// scenario is a set of cells with one operation and one effect. Each cell fails once: Pulumi is run repeatedly, and each
// run triggers the faults that it reaches.
type scenario []cell

func (s scenario) String() string { return string(s[0].effect) + " " + string(s[0].operation) }

// scenarios groups the cells of cells, in a random order. size is the number of random cells of each group;
// 0 means all.
func scenarios(all []cell, draw *rand.Rand, size int) []scenario {
	var found []scenario
	for _, c := range all {
		if last := len(found) - 1; last >= 0 && found[last].String() == (scenario{c}).String() {
			found[last] = append(found[last], c)
		} else {
			found = append(found, scenario{c})
		}
	}
	for i, s := range found {
		draw.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		if size > 0 {
			found[i] = s[:min(size, len(s))]
		}
	}
	draw.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	return found
}
