package stacks

import "sglang-tpu/spec/problem"

// Refused is the error if a configuration cannot work. It contains all problems, each with
// key, value, reason and remedy. No resource has been registered.
type Refused = problem.List
