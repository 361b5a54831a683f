//go:build tools

// Package tools pins what this folder's go.mod builds.
package tools

import _ "go.etcd.io/etcd/server/v3"
