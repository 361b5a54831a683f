package stacks

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/serving"
	"sglang-tpu/stacks/rollout"
)

// Endpoint is what pulumi up has to wait for. The zero value waits for nothing.
type Endpoint struct {
	goal       rollout.Goal
	patience   time.Duration
	kubeconfig string // empty in a preview, and if the LeaderWorkerSet could not be created

	controller asksController // nil: query the cluster
}

// expect records the pods to wait for. In a preview, nothing is known about them.
func (e *Endpoint) expect(c *stack, s *serving.Serving, kubeconfig pulumi.StringOutput) {
	if c.ctx.DryRun() {
		return
	}
	e.patience = c.Ready
	e.goal = rollout.Goal{Namespace: c.spaces.Serving, Set: c.LeaderWorkerSet, HashLabel: serving.TemplateLabel, Pools: c.pools()}
	pulumi.All(kubeconfig, s.Set.URN()).ApplyT(func(known []any) error {
		e.kubeconfig = known[0].(string)
		return nil
	})
}

// Await waits until all pods of the LeaderWorkerSet have its newest template and are ready.
//
// It must be called after pulumi.Run has returned. The engine has then carried out every
// step, including the deletions, which come last. A smaller number of replicas deletes
// slices, one of which may contain the nodes of a group that remains.
func (e *Endpoint) Await(ctx context.Context, out io.Writer) error {
	if e.kubeconfig == "" {
		return nil
	}
	cluster, err := rollout.NewCluster(e.kubeconfig)
	if err != nil {
		return fmt.Errorf("cannot check whether the pods are ready: %w", err)
	}
	began := time.Now()
	look := func(ctx context.Context) (rollout.State, error) { return cluster.Look(ctx, e.goal) }
	return rollout.Await(ctx, e.goal, look, e.patience, func(progress string) {
		fmt.Fprintf(out, "LeaderWorkerSet %s, %s: %s\n", e.goal.Set, time.Since(began).Round(time.Second), progress)
	})
}
