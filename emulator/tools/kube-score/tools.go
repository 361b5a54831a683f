//go:build tools

// Package tools pins what this folder's go.mod builds.
package tools

import _ "github.com/zegl/kube-score/cmd/kube-score"
