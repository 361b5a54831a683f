// Package cloud emulates Google Cloud: the resources that this program uses, with the
// rules and error texts of the real one, and its waiting times, scaled down.
package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"sglang-tpu/emulator/internal/core/injection"
)

// Resource is one thing that exists.
type Resource struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Inputs  Values `json:"inputs"`
	Outputs Values `json:"outputs"`
	// Creating is true until the create has ended.
	Creating bool `json:"making,omitempty"`
	// Broken is why a node pool is in ERROR, which GKE calls its status message; empty: it
	// is not. The provider does not say it.
	Broken string `json:"broken,omitempty"`
	// ScaledUp: the cluster autoscaler has given an autoscaled pool its nodes.
	ScaledUp bool `json:"scaledUp,omitempty"`
	// Generation counts how often a pool's nodes were recreated.
	Generation int `json:"generation,omitempty"`
	// Ground: it was there before any stack; see Cloud.Ground.
	Ground bool `json:"ground,omitempty"`
}

// Cloud is the whole of it. The zero value is not usable; see Open. The exported fields
// are set before Resume, or the first request, and not changed after it.
type Cloud struct {
	// Clusters runs the control planes and nodes of GKE.
	Clusters Clusters
	// RepositoryDeleted is called with the path (project/repository) of a deleted Artifact
	// Registry repository; it may be nil.
	RepositoryDeleted func(path string)
	// Buckets is the folder below which the objects of buckets are, by the bucket's
	// name; empty: buckets hold nothing.
	Buckets string
	// Disks is the folder below which the files of disks are, by the disk's name; empty:
	// disks hold nothing.
	Disks string
	// Lenient lets pass what Google refuses and an earlier version of the program asked
	// for. A review brings such a version up: it compares what two programs ask for.
	Lenient bool
	// Injected are faults of requests; nil: none.
	Injected *injection.Set

	file   string
	minute time.Duration

	underWay sync.RWMutex // held for reading by every operation

	mu        sync.Mutex
	resources map[string]*Resource // by type and id
	disks     map[string]Disk
	locks     map[string]*sync.Mutex // one operation at a time on a cluster
	faults    []Fault
	scaling   autoscaler
	secrets   map[string][]string // Secret Manager's: versions by secret; in memory only
	// generations of access tokens, by account; in memory only.
	generations map[string]int
}

// operation is one create, update or delete under way.
type operation struct {
	ctx      context.Context
	cloud    *Cloud
	resource *Resource
	before   Values // the inputs before an update
}

// Open reads the cloud's state; a file that does not exist is an empty cloud. Nothing
// runs before Resume. minute is how long one of Google's minutes takes here.
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

// snapshot is the state file.
type snapshot struct {
	Resources []*Resource `json:"resources"`
	Disks     []Disk      `json:"disks"`
}

// save writes the state; the caller holds mu.
func (c *Cloud) save() error {
	var s snapshot
	for _, r := range c.resources {
		s.Resources = append(s.Resources, r)
	}
	sort.Slice(s.Resources, func(i, j int) bool { return s.Resources[i].ID < s.Resources[j].ID })
	for _, d := range c.disks {
		s.Disks = append(s.Disks, d)
	}
	sort.Slice(s.Disks, func(i, j int) bool { return s.Disks[i].Name < s.Disks[j].Name })
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(c.file+".new", c.file)
}

// wait lets Google's time pass.
func (c *Cloud) wait(ctx context.Context, minutes float64) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(minutes * float64(c.minute))):
	}
}

// Create makes a resource. A resource that exists although its create failed is
// returned beside the error.
func (c *Cloud) Create(ctx context.Context, typ string, in Values) (*Resource, error) {
	k, err := kindOf(typ)
	if err != nil {
		return nil, err
	}
	in = in.clone()
	r := &Resource{Type: typ, ID: k.id(in), Inputs: in, Outputs: Merge(typ, nil, in, nil)}
	if k.outputs != nil {
		for name, value := range k.outputs(in) {
			r.Outputs[name] = value
		}
	}
	for path, value := range k.filledIn(in) {
		r.Outputs.set(path, value)
	}
	unlock := c.exclusive(r)
	defer unlock()
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

// copy is what leaves the cloud: the resource itself changes while the copy is encoded.
// The caller holds mu.
func (r *Resource) copy() *Resource {
	return &Resource{Type: r.Type, ID: r.ID, Inputs: r.Inputs.clone(), Outputs: r.Outputs.clone()}
}

// broken is an error after which the resource stays, in ERROR. The provider asks GKE
// whether there is a pool after all, and then says no more than that it is in ERROR
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
	if has := c.resources[r.Type+" "+r.ID]; has != nil && !k.shared {
		if k.taken != nil {
			return k.taken(has, r.Inputs)
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
	if has := c.resources[r.Type+" "+r.ID]; has != nil {
		r.Ground = has.Ground
	}
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

// Find returns the resource that a create with these inputs would have made, or nil.
func (c *Cloud) Find(typ string, in Values) (*Resource, error) {
	id, err := ID(typ, in)
	if err != nil {
		return nil, err
	}
	return c.Read(typ, id)
}

// Delete removes a resource. One that does not exist is no error.
func (c *Cloud) Delete(ctx context.Context, typ, id string) error {
	k, err := kindOf(typ)
	if err != nil {
		return err
	}
	r := c.get(typ, id)
	if r == nil {
		return nil
	}
	unlock := c.exclusive(r)
	defer unlock()
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
	for key, pool := range c.resources { // a bucket takes its policy with it
		if typ == clusterKind && pool.Type == nodePoolKind && pool.Inputs.text("cluster") == id ||
			typ == bucketKind && pool.Type == bucketIAMKind && pool.Inputs.text("bucket") == id {
			delete(c.resources, key)
		}
	}
	return c.save()
}

// inUse refuses to delete what another resource refers to, in Compute Engine's words as
// users report them.
func (c *Cloud) inUse(r *Resource) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.resources {
		if r.Type == clusterKind && other.Type == nodePoolKind {
			continue // a cluster takes its node pools with it
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

// exclusive lets one operation at a time work on a cluster, as GKE does; the provider
// waits for it (retryWhileIncompatibleOperation).
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

// Resources lists what exists and costs or blocks something: everything but enabled
// APIs, and disks, and objects whose bucket was deleted.
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
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	return all
}
