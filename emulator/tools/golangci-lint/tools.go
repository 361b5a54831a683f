//go:build tools

// Package tools pins what this folder's go.mod builds.
package tools

import _ "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
