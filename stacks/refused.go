package stacks

import "sglang-tpu/spec/problem"

// Refused is the error of a configuration that cannot work: all problems, each with key,
// value, reason and remedy. Nothing has been registered.
type Refused = problem.List
