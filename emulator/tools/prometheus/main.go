// Command prometheus scrapes targets and evaluates queries and alerts with Prometheus' code. It
// has no web interface, no service discovery and no persistent storage.
//
// It reads an order from standard input. It scrapes the targets for some time, or until the
// input ends. Meanwhile it evaluates the alerts and prints each change of their state. At the
// end it prints the results of the queries.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

type order struct {
	Config  string              `json:"config"`  // scrape_configs, without targets
	Targets map[string][]target `json:"targets"` // by the name of the job in Config
	Seconds int                 `json:"seconds"` // 0 means until the input ends
	Queries map[string]string   `json:"queries"`
	Alerts  []alert             `json:"alerts"`
	Scale   int                 `json:"scale"` // divides all times of alerts and queries; 0 means 1
}

type target struct {
	Address string            `json:"address"` // host:port
	Labels  map[string]string `json:"labels"`  // of all its series
}

type answer struct {
	Series  []string            `json:"series"` // the series at the end, with their values
	Results map[string][]string `json:"results"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "prometheus:", err)
		os.Exit(1)
	}
}

func run() error {
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return err
	}
	o.Scale = max(1, o.Scale)
	folder, err := os.MkdirTemp("", "prometheus-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db, err := tsdb.Open(folder, nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // its folder is removed
	out := json.NewEncoder(os.Stdout)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if o.Seconds > 0 {
		time.AfterFunc(time.Duration(o.Seconds)*time.Second, stop)
	} else {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // an error also ends the input
			stop()
		}()
	}
	watched := make(chan error, 1)
	go func() {
		defer stop()
		watched <- watch(ctx, o, db, out)
	}()
	if err := errors.Join(collect(ctx, o, db, log), <-watched); err != nil {
		return err
	}
	a, err := ask(o, db)
	if err != nil {
		return err
	}
	return out.Encode(a)
}

// collect scrapes until the context ends.
func collect(ctx context.Context, o order, db storage.Appendable, log *slog.Logger) error {
	c, err := config.Load(o.Config, log)
	if err != nil {
		return err
	}
	manager, err := scrape.NewManager(&scrape.Options{DiscoveryReloadOnStartup: true}, log, nil, db, nil, prom.NewRegistry())
	if err != nil {
		return err
	}
	if err := manager.ApplyConfig(c); err != nil {
		return err
	}
	groups := map[string][]*targetgroup.Group{}
	for job, targets := range o.Targets {
		for i, t := range targets {
			g := &targetgroup.Group{Source: fmt.Sprint(i), Targets: []model.LabelSet{{model.AddressLabel: model.LabelValue(t.Address)}}, Labels: model.LabelSet{}}
			for name, value := range t.Labels {
				g.Labels[model.LabelName(name)] = model.LabelValue(value)
			}
			groups[job] = append(groups[job], g)
		}
	}
	found := make(chan map[string][]*targetgroup.Group, 1)
	found <- groups
	go func() {
		<-ctx.Done()
		manager.Stop()
	}()
	return manager.Run(found)
}

func ask(o order, db storage.Queryable) (answer, error) {
	engine := newEngine(o.Scale)
	a := answer{Results: map[string][]string{}}
	// The end of scraping has marked the series as stale.
	at := time.Now().Add(-2 * time.Second)
	query := func(text string) ([]string, error) {
		scaled, err := faster(text, o.Scale)
		if err != nil {
			return nil, err
		}
		q, err := engine.NewInstantQuery(context.Background(), db, nil, scaled.String(), at)
		if err != nil {
			return nil, err
		}
		defer q.Close()
		vector, err := q.Exec(context.Background()).Vector()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		results := []string{}
		for _, sample := range vector {
			results = append(results, fmt.Sprintf("%s %v", sample.Metric.String(), sample.F))
		}
		return results, nil
	}
	var err error
	if a.Series, err = query(`{__name__=~".+"}`); err != nil {
		return a, err
	}
	for name, text := range o.Queries {
		if a.Results[name], err = query(text); err != nil {
			return a, err
		}
	}
	return a, nil
}
