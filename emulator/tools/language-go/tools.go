//go:build tools

// Package tools pins what this folder's go.mod builds.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go"
