package tools

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"sglang-tpu/emulator/internal/layout"
)

const (
	lwsModule = "sigs.k8s.io/lws"
	lwsFolder = "lws" // below the tools folder
	lwsChart  = "charts/lws"
)

// Chart copies the LeaderWorkerSet chart from the controller's module to l.LWSChart(), without
// the custom resource definitions, unless there is a copy.
func Chart(ctx context.Context, l layout.Layout, toolsDir string) error {
	if _, err := os.Stat(filepath.Join(l.LWSChart(), "Chart.yaml")); err == nil {
		return nil
	}
	dir, err := ModuleFolder(ctx, toolsDir, lwsFolder, lwsModule)
	if err != nil {
		return err
	}
	next := l.LWSChart() + ".new"
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	if err := os.CopyFS(next, os.DirFS(filepath.Join(dir, lwsChart))); err != nil {
		return err
	}
	// There may be an incomplete copy.
	if err := errors.Join(os.RemoveAll(filepath.Join(next, "crds")), os.RemoveAll(l.LWSChart())); err != nil {
		return err
	}
	return os.Rename(next, l.LWSChart())
}
