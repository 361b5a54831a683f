package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/prerequisites"
	"sglang-tpu/spec/topology"
)

// topologies are the topologies in the table of models. Larger ones are multiples of four in
// every dimension.
var topologies = []string{"1x1x1", "2x2x1", "2x2x2", "2x2x4", "2x4x4"}

// models returns the table with the plan of every model of the catalogue on each topology.
func models() (string, error) {
	heading := append([]string{"model", "GiB", "context"}, topologies...)
	var rows [][]string
	for _, id := range model.Names() {
		m, _ := model.Lookup(id)
		name := "`" + id + "`"
		if m.Gated {
			name += " (gated)"
		}
		row := []string{name, fmt.Sprint(m.RepositoryGiB), fmt.Sprint(m.Context)}
		for _, shape := range topologies {
			t, err := topology.Parse(shape)
			if err != nil {
				return "", err
			}
			row = append(row, plan(m, t))
		}
		rows = append(rows, row)
	}
	return markdown(heading, rows), nil
}

// plan describes tensor, data and expert parallelism, and the number of concurrent requests of
// full length; a dash if the model does not run on the topology.
func plan(m model.Model, t topology.Topology) string {
	p, err := model.NewPlan(m, t, model.Settings{})
	if err != nil || p.Check() != nil {
		return "–"
	}
	spread := []string{fmt.Sprint(p.TP), fmt.Sprint(p.DP)}
	if p.EP > 0 {
		spread = append(spread, fmt.Sprint(p.EP))
	}
	return fmt.Sprintf("%s: %d", strings.Join(spread, "/"), p.Requests)
}

func tools() (string, error) {
	var rows [][]string
	for _, t := range prerequisites.Tools {
		install := "`" + t.Install + "`"
		if strings.HasPrefix(t.Install, "https://") {
			install = "[" + strings.TrimPrefix(t.Install, "https://") + "](" + t.Install + ")"
		}
		rows = append(rows, []string{"`" + t.Name + "`", cmp.Or(t.Minimum, "any"), t.For, install})
	}
	return markdown([]string{"tool", "version at least", "for", "install"}, rows), nil
}

func typesAndRoles() (string, error) {
	var rows [][]string
	for _, need := range prerequisites.Needs {
		rows = append(rows, []string{"`" + need.Type + "`", rolesOf(need.Deploy), rolesOf(need.Preview), need.Note})
	}
	return markdown([]string{"type", "deployer", "previewer", ""}, rows), nil
}

func rolesOf(grants []prerequisites.Grant) string {
	var names []string
	for _, g := range grants {
		if name := "`" + strings.TrimPrefix(g.Role, "roles/") + "`"; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// roles returns the table of IAM roles, each of them once.
func roles() (string, error) {
	var deploy, preview []string
	for _, need := range prerequisites.Needs {
		for _, g := range need.Deploy {
			deploy = append(deploy, g.Role)
		}
		for _, g := range need.Preview {
			preview = append(preview, g.Role)
		}
	}
	var rows [][]string
	for _, who := range []struct {
		name  string
		roles []string
	}{{"deployer", deploy}, {"previewer", preview}} {
		slices.Sort(who.roles)
		rows = append(rows, []string{who.name, "`" + strings.Join(slices.Compact(who.roles), "`, `") + "`"})
	}
	return markdown([]string{"account", "roles on the project"}, rows), nil
}
