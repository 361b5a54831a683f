// Package cloud emulates the part of Google Cloud that this program uses: its resources,
// validation rules, error texts and, scaled down, its waiting times.
package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/layout"
)

// Resource is one cloud resource.
type Resource struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Inputs  Values `json:"inputs"`
	Outputs Values `json:"outputs"`
	// Creating is true until the create operation has ended.
	Creating bool `json:"making,omitempty"`
	// Broken is the status message of a node pool in state ERROR, which the provider does not
	// show; empty in every other state.
	Broken string `json:"broken,omitempty"`
	// ScaledUp is true while the cluster autoscaler keeps nodes in an autoscaled pool.
	ScaledUp bool `json:"scaledUp,omitempty"`
	// Generation counts how often a pool's nodes were recreated.
	Generation int `json:"generation,omitempty"`
	// Ground marks a resource that existed before any stack; see Cloud.Ground.
	Ground bool `json:"ground,omitempty"`

	scaling scaling
}

// Cloud is the emulated Google Cloud; Open creates one. Exported fields must not change after
// Resume or the first request.
type Cloud struct {
	// Clusters runs the control planes and nodes of GKE.
	Clusters Clusters
	// RepositoryDeleted is called with the path (project/repository) of a deleted Artifact
	// Registry repository; it may be nil.
	RepositoryDeleted func(path string)
	// Buckets is the folder with one subfolder of objects for each bucket; empty: objects are
	// not stored.
	Buckets string
	// Disks is the folder with one subfolder of files for each disk; empty: files are not
	// stored.
	Disks string
	// Lenient skips rules that earlier versions of the program violate. A review deploys such
	// a version to compare it with the new one.
	Lenient bool
	// Injected are the faults injected into requests; nil for none.
	Injected *injection.Set

	file   string
	minute time.Duration

	underWay sync.RWMutex // held for reading by every operation

	mu        sync.Mutex
	resources map[string]*Resource // by type and id
	disks     map[string]Disk
	locks     map[string]*sync.Mutex // by cluster; see exclusive
	faults    []Fault
	secrets   map[string][]string // versions of Secret Manager's secrets; in memory only
	// generations counts by account how often its access tokens expired; in memory only.
	generations map[string]int
}

// operation is a running create, update or delete.
type operation struct {
	ctx      context.Context
	cloud    *Cloud
	resource *Resource
	before   Values // the inputs before an update
}

// Open reads the cloud's state from a file; a missing file is an empty cloud. Clusters start
// with Resume. minute is the emulated duration of one minute on Google Cloud.
func Open(file string, minute time.Duration) (*Cloud, error) {
	c := &Cloud{
		file: file, minute: minute,
		resources: map[string]*Resource{}, disks: map[string]Disk{}, locks: map[string]*sync.Mutex{}, secrets: map[string][]string{}, generations: map[string]int{},
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	var saved snapshot
	if err := json.Unmarshal(text, &saved); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, r := range saved.Resources {
		c.resources[r.Type+" "+r.ID] = r
	}
	for _, d := range saved.Disks {
		c.disks[d.Name] = d
	}
	return c, nil
}

// snapshot is the content of the state file.
type snapshot struct {
	Resources []*Resource `json:"resources"`
	Disks     []Disk      `json:"disks"`
}

// save writes the state; the caller holds mu.
func (c *Cloud) save() error {
	text, err := json.MarshalIndent(snapshot{
		Resources: slices.SortedFunc(maps.Values(c.resources), func(a, b *Resource) int { return strings.Compare(a.ID, b.ID) }),
		Disks:     slices.SortedFunc(maps.Values(c.disks), func(a, b Disk) int { return strings.Compare(a.Name, b.Name) }),
	}, "", " ")
	if err != nil {
		return err
	}
	return layout.WriteFile(c.file, text, 0o600)
}

// wait sleeps for some minutes of Google's time.
func (c *Cloud) wait(ctx context.Context, minutes float64) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(minutes * float64(c.minute))):
	}
}

// Create creates a resource. If the create fails and the resource exists nevertheless, it
// returns both the resource and the error.
func (c *Cloud) Create(ctx context.Context, typ string, in Values) (*Resource, error) {
	k, err := kindOf(typ)
	if err != nil {
		return nil, err
	}
	in = in.clone()
	r := &Resource{Type: typ, ID: k.id(in), Inputs: in, Outputs: Merge(typ, nil, in, nil)}
	k.setOutputs(r)
	defer c.exclusive(r)()
	if err := c.reserve(k, r); err != nil {
		return nil, err
	}
	c.wait(ctx, k.minutes)
	if err := c.fault(r); err != nil {
		return c.failed(r, err)
	}
	if k.create != nil {
		if err := k.create(&operation{ctx: ctx, cloud: c, resource: r}); err != nil {
			return c.failed(r, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Creating = false
	return r.copy(), c.save()
}

// copy returns a copy that is safe to encode while operations change the resource. The caller
// holds mu.
func (r *Resource) copy() *Resource {
	return &Resource{Type: r.Type, ID: r.ID, Inputs: r.Inputs.clone(), Outputs: r.Outputs.clone()}
}

// broken is an error that leaves the node pool in state ERROR. The provider then looks the
// pool up and reports only its state, not the message
// (container/resource_container_node_pool.go of the provider, resourceContainerNodePoolCreate).
type broken struct{ error }

func (c *Cloud) failed(r *Resource, err error) (*Resource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var stays broken
	if errors.As(err, &stays) {
		r.Broken, r.Creating = stays.Error(), false
		log.Printf("%s is in ERROR: %v", r.ID, err)
		return r.copy(), errors.Join(fmt.Errorf("NodePool %s was created in the error state \"ERROR\"", r.Inputs.text("name")), c.save())
	}
	delete(c.resources, r.Type+" "+r.ID)
	return nil, errors.Join(err, c.save())
}

// reserve checks the inputs and takes the name.
func (c *Cloud) reserve(k kind, r *Resource) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.numbered {
		for first, n := r.ID, 1; c.resources[r.Type+" "+r.ID] != nil; n++ {
			r.ID = fmt.Sprint(first, n)
		}
		if r.Type == alertPolicyKind {
			r.Outputs["name"] = r.ID
		}
	}
	existing := c.resources[r.Type+" "+r.ID]
	if existing != nil && !k.shared {
		if k.conflict != nil {
			return k.conflict(existing, r.Inputs)
		}
		return fmt.Errorf("googleapi: Error 409: The resource '%s' already exists, alreadyExists", r.ID)
	}
	if err := c.requires(r); err != nil {
		return err
	}
	for property, typ := range k.references {
		if r.Inputs.text(property) == "" {
			continue
		}
		if c.find(typ, r.Inputs.text(property)) == nil {
			return fmt.Errorf("googleapi: Error 404: The resource '%s' was not found, notFound", r.Inputs.text(property))
		}
	}
	if k.check != nil {
		if err := k.check(c, r.Inputs); err != nil {
			return fmt.Errorf("%s%w", k.refusal, err)
		}
	}
	r.Ground = existing != nil && existing.Ground
	r.Creating = true
	c.resources[r.Type+" "+r.ID] = r
	return c.save()
}

// find returns a resource of a kind by its id, name or self link.
func (c *Cloud) find(typ, reference string) *Resource {
	if r := c.resources[typ+" "+reference]; r != nil {
		return r
	}
	for _, r := range c.resources {
		if r.Type == typ && reference != "" &&
			(r.Inputs.text("name") == reference || strings.HasSuffix(reference, "/"+r.ID) || r.Outputs.text("selfLink") == reference) {
			return r
		}
	}
	return nil
}

// get returns the resource itself, or nil if it does not exist.
func (c *Cloud) get(typ, id string) *Resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resources[typ+" "+id]
}

// Read returns a copy of a resource, or nil if it does not exist.
func (c *Cloud) Read(typ, id string) (*Resource, error) {
	if _, err := kindOf(typ); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.resources[typ+" "+id]; r != nil {
		return r.copy(), nil
	}
	return nil, nil
}

// Find returns a copy of the resource that a create with these inputs would create, or nil.
func (c *Cloud) Find(typ string, in Values) (*Resource, error) {
	id, err := ID(typ, in)
	if err != nil {
		return nil, err
	}
	return c.Read(typ, id)
}

// Delete deletes a resource. It is not an error if the resource does not exist.
func (c *Cloud) Delete(ctx context.Context, typ, id string) error {
	k, err := kindOf(typ)
	if err != nil {
		return err
	}
	r := c.get(typ, id)
	if r == nil {
		return nil
	}
	defer c.exclusive(r)()
	if err := c.inUse(r); err != nil {
		return err
	}
	if typ == serviceKind && r.Inputs["disableOnDestroy"] == false {
		return nil
	}
	c.wait(ctx, k.minutes/2)
	if k.remove != nil {
		if err := k.remove(&operation{ctx: ctx, cloud: c, resource: r}); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.resources, typ+" "+id)
	// Node pools are deleted with their cluster, IAM bindings with their bucket.
	for key, other := range c.resources {
		if typ == clusterKind && other.Type == nodePoolKind && other.Inputs.text("cluster") == id ||
			typ == bucketKind && other.Type == bucketIAMKind && other.Inputs.text("bucket") == id {
			delete(c.resources, key)
		}
	}
	return c.save()
}

// inUse returns Compute Engine's error, as users report it, if another resource refers to r.
func (c *Cloud) inUse(r *Resource) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.resources {
		if r.Type == clusterKind && other.Type == nodePoolKind {
			continue // node pools are deleted with their cluster
		}
		for property, typ := range kinds[other.Type].references {
			if typ == r.Type && c.find(typ, other.Inputs.text(property)) == r && other.Type != accountIAMKind && other.Type != bucketIAMKind {
				return fmt.Errorf("googleapi: Error 400: The %s resource '%s' is already being used by '%s', resourceInUseByAnotherResource",
					r.Type[strings.LastIndex(r.Type, ":")+1:], r.ID, other.ID)
			}
		}
	}
	return nil
}

// exclusive waits until no other operation runs on the resource's cluster: GKE runs one at a
// time, and the provider retries until it can start (retryWhileIncompatibleOperation).
func (c *Cloud) exclusive(r *Resource) (unlock func()) {
	key := r.ID
	switch r.Type {
	case clusterKind:
	case nodePoolKind:
		key = r.Inputs.text("cluster")
	default:
		return func() {}
	}
	c.mu.Lock()
	lock := c.locks[key]
	if lock == nil {
		lock = &sync.Mutex{}
		c.locks[key] = lock
	}
	c.mu.Unlock()
	lock.Lock()
	return lock.Unlock
}

// Resources lists everything that costs money or blocks a deletion: all resources except
// enabled APIs, disks, and objects whose bucket was deleted.
func (c *Cloud) Resources() []Resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []Resource{}
	for _, r := range c.resources {
		if r.Type != serviceKind {
			all = append(all, Resource{Type: r.Type, ID: r.ID, Ground: r.Ground})
		}
	}
	for name := range c.disks {
		all = append(all, Resource{Type: "disk", ID: name})
	}
	for _, name := range c.orphans() {
		all = append(all, Resource{Type: "objects of the bucket", ID: name})
	}
	slices.SortFunc(all, func(a, b Resource) int { return strings.Compare(a.ID, b.ID) })
	return all
}
