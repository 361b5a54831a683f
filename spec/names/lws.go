package names

// Labels that the LeaderWorkerSet controller sets on the pods of a set.
const (
	SetLabel    = "leaderworkerset.sigs.k8s.io/name"         // the set's name
	GroupLabel  = "leaderworkerset.sigs.k8s.io/group-index"  // of the replica, from 0
	WorkerLabel = "leaderworkerset.sigs.k8s.io/worker-index" // the rank; 0 is the leader
)
