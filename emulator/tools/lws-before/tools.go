//go:build tools

// Package tools pins what this folder's go.mod builds.
package tools

import _ "sigs.k8s.io/lws/cmd"
