//go:build tools

// Package tools pins what this folder's go.mod builds.
package tools

import _ "golang.org/x/vuln/cmd/govulncheck"
