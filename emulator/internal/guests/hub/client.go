package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Daemon counts downloads and has the faults that are set.
type Daemon interface {
	// Fetched counts downloaded bytes; first is true for the first call of a snapshot.
	Fetched(repository string, bytes int64, first bool) error
	// Fault returns the exception with which a download fails; empty if it succeeds.
	Fault(repository string) (string, error)
	// Write returns Google's error if a file must not be written; empty if it may.
	Write(path string) (refusal string, err error)
}

// Client implements huggingface_hub's downloads.
type Client struct {
	Cache   string // folder on this machine
	Token   string
	Offline bool
	Workers int       // concurrent downloads; 0 means 8
	Log     io.Writer // nil: no output
	Bars    bool      // show progress bars
	Daemon  Daemon
}

const (
	bandwidth = 61 << 30 // of a host to the Hub, in bytes per second
	chunk     = 512 << 20
)

// Snapshot downloads the wanted files of a revision that are not in the cache, and returns the
// snapshot's folder. Like snapshot_download, it only checks that the folder exists if the
// client is offline.
func (c *Client) Snapshot(ctx context.Context, id, revision string, wanted func(name string) bool) (string, error) {
	revision = cmp.Or(revision, "main")
	if c.Offline {
		return c.cached(id, revision)
	}
	repository, ok := Lookup(id)
	if !ok {
		return "", repositoryNotFound(id, revision, c.Token)
	}
	commit := repository.Commit(revision)
	if commit == "" {
		return "", revisionNotFound(id, revision)
	}
	folder := c.snapshot(id, commit)
	files, missing := repository.wanted(commit, folder, wanted)
	fault, err := "", error(nil)
	if len(missing) > 0 {
		if fault, err = c.Daemon.Fault(id); err != nil {
			return "", err
		}
	}
	if status, ok := limited(fault, id, revision); ok {
		// "Snapshot folder exists => let's return it (but we can't check if all the files are
		// actually there)"
		if folder, err := c.cached(id, revision); err == nil {
			return folder, nil
		}
		return "", noAnswer(status)
	}
	if revision != commit {
		if err := c.put(filepath.Join(c.folder(id), "refs", revision), []byte(commit)); err != nil {
			return "", err
		}
	}
	if len(missing) > 0 && repository.Gated && (c.Token == "" || strings.HasPrefix(c.Token, "hf_denied")) {
		return "", gated(id, commit, missing[0].Name, c.Token)
	}
	return folder, c.fetchAll(ctx, id, commit, fault, files, missing)
}

// wanted returns the number of wanted files, and those of them that are missing in a folder.
func (r Repository) wanted(commit, folder string, wanted func(name string) bool) (files int, missing []File) {
	for _, f := range r.Files(commit) {
		if !wanted(f.Name) {
			continue
		}
		files++
		if info, err := os.Stat(filepath.Join(folder, f.Name)); err != nil || info.Size() != f.Size {
			missing = append(missing, f)
		}
	}
	return files, missing
}

func (c *Client) folder(id string) string {
	return filepath.Join(c.Cache, "models--"+strings.ReplaceAll(id, "/", "--"))
}

func (c *Client) snapshot(id, commit string) string {
	return filepath.Join(c.folder(id), "snapshots", commit)
}

// cached returns the folder of a snapshot in the cache.
func (c *Client) cached(id, revision string) (string, error) {
	commit := revision
	if text, err := os.ReadFile(filepath.Join(c.folder(id), "refs", revision)); err == nil {
		commit = strings.TrimSpace(string(text))
	}
	folder := c.snapshot(id, commit)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return "", noSnapshot(id, revision)
	}
	return folder, nil
}

// download is a running download of a snapshot.
type download struct {
	*Client
	id, commit string
	fault      string
	total      int64

	mu      sync.Mutex
	fetched int64
	done    int
}

func (c *Client) fetchAll(ctx context.Context, id, commit, fault string, files int, missing []File) error {
	d := &download{Client: c, id: id, commit: commit, fault: fault, done: files - len(missing)}
	for _, f := range missing {
		d.total += f.Size
		if part, err := os.Stat(filepath.Join(c.folder(id), "blobs", f.ETag+".incomplete")); err == nil {
			d.total -= min(part.Size(), f.Size)
		}
	}
	began := time.Now()
	d.bar(files, began)
	workers := 8
	if c.Workers > 0 {
		workers = c.Workers
	}
	workers = max(1, min(workers, len(missing)))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for _, f := range missing {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err() // another download has failed
			}
			if err := d.fetch(ctx, f, workers); err != nil {
				return err
			}
			d.mu.Lock()
			d.done++
			d.mu.Unlock()
			d.bar(files, began)
			return nil
		})
	}
	err := group.Wait()
	if c.Bars && c.Log != nil {
		fmt.Fprintln(c.Log)
	}
	return err
}

// bar prints the progress like tqdm, which overwrites its line even without a terminal.
func (d *download) bar(files int, began time.Time) {
	if !d.Bars || d.Log == nil || files == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	tenths := d.done * 10 / files
	took := time.Since(began).Round(time.Second)
	clock := fmt.Sprintf("%02d:%02d", int(took.Minutes()), int(took.Seconds())%60)
	fmt.Fprintf(d.Log, "\rFetching %d files: %3d%%|%-10s| %d/%d [%s]", files, d.done*100/files, strings.Repeat("█", tenths)+strings.Repeat(" ", 10-tenths), d.done, files, clock)
}

func (d *download) log(format string, args ...any) {
	if d.Log != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		fmt.Fprintf(d.Log, format+"\n", args...)
	}
}

// fetch downloads one file to the cache and continues an earlier incomplete download.
func (d *download) fetch(ctx context.Context, f File, workers int) error {
	blob := filepath.Join(d.folder(d.id), "blobs", f.ETag)
	if info, err := os.Stat(blob); err != nil || info.Size() != f.Size {
		incomplete := blob + ".incomplete"
		d.log("Downloading '%s' to '%s'", f.Name, incomplete)
		if err := d.receive(ctx, f, incomplete, workers); err != nil {
			return err
		}
		d.log("Download complete. Moving file to %s", blob)
		if err := os.Rename(incomplete, blob); err != nil {
			return fmt.Errorf("FileNotFoundError: %w", err)
		}
	}
	pointer := filepath.Join(d.snapshot(d.id, d.commit), f.Name)
	target, err := filepath.Rel(filepath.Dir(pointer), blob)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(pointer), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(target, pointer); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func (d *download) receive(ctx context.Context, f File, path string, workers int) error {
	if err := d.mayWrite(path); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	for size := min(info.Size(), f.Size); size < f.Size; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(chunk, f.Size-size)
		time.Sleep(time.Duration(float64(n) / bandwidth * float64(workers) * float64(time.Second)))
		if err := d.count(n); err != nil {
			return err
		}
		size += n
		if err := d.mayWrite(path); err != nil {
			return err
		}
		if err := file.Truncate(size); err != nil {
			return err
		}
	}
	if f.Content != nil {
		if _, err := file.WriteAt(f.Content, 0); err != nil {
			return err
		}
	}
	return file.Truncate(f.Size)
}

// count reports downloaded bytes. If the download has a fault, it fails after a third of them.
func (d *download) count(bytes int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Small downloads make no progress, so that retries do not help.
	if d.fault != "" && (d.fetched*3 >= d.total || d.total < 8*chunk) {
		return errors.New(d.fault)
	}
	first := d.fetched == 0
	d.fetched += bytes
	return d.Daemon.Fetched(d.id, bytes, first)
}

func (c *Client) mayWrite(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	refusal, err := c.Daemon.Write(path)
	if err != nil {
		return err
	}
	if refusal != "" {
		return noWrite(refusal, path)
	}
	return nil
}

func (c *Client) put(path string, content []byte) error {
	if err := c.mayWrite(path); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// Complete checks that a snapshot's folder contains config.json and the files that the model's
// index lists, in full size.
func (c *Client) Complete(folder, id, revision string) error {
	revision = cmp.Or(revision, "main")
	const index = "model.safetensors.index.json"
	text, err := os.ReadFile(filepath.Join(folder, index))
	if err != nil {
		return noFile(id, revision, index)
	}
	var parsed struct {
		Weights map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		return fmt.Errorf("json.decoder.JSONDecodeError: %s: %w", index, err)
	}
	repository, _ := Lookup(id)
	sizes := map[string]int64{}
	for _, f := range repository.Files(filepath.Base(folder)) {
		sizes[f.Name] = f.Size
	}
	for _, name := range slices.AppendSeq([]string{"config.json"}, maps.Values(parsed.Weights)) {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			return noFile(id, revision, name)
		}
		if info.Size() != sizes[name] {
			return &Error{Class: "safetensors_rust.SafetensorError", Text: fmt.Sprintf("Error while deserializing header: MetadataIncompleteBuffer (%s has %d bytes)", name, info.Size())}
		}
	}
	return nil
}
