//go:build tools

// Package tools pins grpcurl, a client of gRPC reflection, for the tests.
package tools

import _ "github.com/fullstorydev/grpcurl/cmd/grpcurl"
