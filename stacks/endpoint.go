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

// Endpoint is what an up has to wait for after it. The zero value waits for nothing.
type Endpoint struct {
	goal       rollout.Goal
	patience   time.Duration
	kubeconfig string // empty in a preview, and where the LeaderWorkerSet could not be made

	controller asksController // nil: the cluster itself is asked
}

// expect notes whose pods to wait for. Nothing is known of them in a preview.
func (e *Endpoint) expect(c *stack, s *serving.Serving, kubeconfig pulumi.StringOutput) {
	if c.ctx.DryRun() {
		return
	}
	e.patience = c.Ready
	set := c.LeaderWorkerSet
	e.goal = rollout.Goal{Namespace: c.spaces.Serving, Set: set, Selector: serving.PodSelector(set), HashLabel: serving.TemplateLabel, Pools: c.pools()}
	pulumi.All(kubeconfig, s.Set.URN()).ApplyT(func(known []any) error {
		e.kubeconfig = known[0].(string)
		return nil
	})
}

// Await waits until the pods of the LeaderWorkerSet are those of its newest template and
// ready, and no others are left.
//
// It is called when pulumi.Run has returned: the engine has then carried out every step,
// and the deletions, which come last. A smaller number of replicas deletes slices, and with
// one of them maybe the node of a group that stays.
func (e *Endpoint) Await(ctx context.Context, out io.Writer) error {
	if e.kubeconfig == "" {
		return nil
	}
	cluster, err := rollout.NewCluster(e.kubeconfig)
	if err != nil {
		return fmt.Errorf("the cluster cannot be asked whether its pods are ready: %w", err)
	}
	began := time.Now()
	look := func(ctx context.Context) (rollout.State, error) { return cluster.Look(ctx, e.goal) }
	return rollout.Await(ctx, e.goal, look, e.patience, func(progress string) {
		fmt.Fprintf(out, "LeaderWorkerSet %s, %s: %s\n", e.goal.Set, time.Since(began).Round(time.Second), progress)
	})
}
