package tools

import (
	"context"
	"io/fs"
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
	if err := copyTree(filepath.Join(dir, lwsChart), next); err != nil {
		return err
	}
	// There may be an incomplete copy.
	if err := os.RemoveAll(l.LWSChart()); err != nil {
		return err
	}
	return os.Rename(next, l.LWSChart())
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "crds" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), text, 0o600)
	})
}
