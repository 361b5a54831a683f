package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

// alert is a PromQL condition of Cloud Monitoring.
type alert struct {
	Name    string `json:"name"`
	Query   string `json:"query"`
	Seconds int    `json:"seconds"` // how long the query must have a result
}

// change is a change of the state of an alert.
type change struct {
	Alert string    `json:"alert"`
	State string    `json:"state"` // inactive, pending or firing
	At    time.Time `json:"at"`
}

// lookback is Prometheus' default of the maximum age of a sample.
const lookback = 5 * time.Minute

// evaluation is the interval at which Cloud Monitoring evaluates the stack's alerts
// (infra/monitoring).
const evaluation = 30 * time.Second

func newEngine(scale int) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: lookback / time.Duration(scale), EnableAtModifier: true, EnableNegativeOffset: true,
		Parser: parser.NewParser(parser.Options{}),
	})
}

// faster divides all times of a query.
func faster(query string, scale int) (parser.Expr, error) {
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	by := time.Duration(scale)
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			n.Range /= by
		case *parser.SubqueryExpr:
			n.Range, n.Step, n.OriginalOffset = n.Range/by, n.Step/by, n.OriginalOffset/by
		case *parser.VectorSelector:
			n.OriginalOffset /= by
		}
		return nil
	})
	return expression, nil
}

// watch evaluates the alerts with Prometheus' rule engine until the context ends, and prints
// each change of their state.
func watch(ctx context.Context, o order, db storage.Queryable, out *json.Encoder) error {
	engine, by := newEngine(o.Scale), time.Duration(o.Scale)
	states := map[string]rules.AlertState{}
	var all []*rules.AlertingRule
	for _, a := range o.Alerts {
		expression, err := faster(a.Query, o.Scale)
		if err != nil {
			return err
		}
		hold := time.Duration(a.Seconds) * time.Second / by
		all = append(all, rules.NewAlertingRule(a.Name, expression, hold, 0, labels.EmptyLabels(), labels.EmptyLabels(), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler)))
		states[a.Name] = rules.StateInactive
	}
	ticks := time.NewTicker(evaluation / by)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticks.C:
			for _, rule := range all {
				rule.SetEvaluationTimestamp(now)
				if _, err := rule.Eval(ctx, 0, now, rules.EngineQueryFunc(engine, db), &url.URL{}, 0); err != nil && ctx.Err() == nil {
					return fmt.Errorf("%s: %w", rule.Name(), err)
				}
				if state := rule.State(); state != states[rule.Name()] {
					states[rule.Name()] = state
					if err := out.Encode(change{rule.Name(), state.String(), now}); err != nil {
						return err
					}
				}
			}
		}
	}
}
