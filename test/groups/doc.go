// Package groups tests groups of real processes, on loopback: members that are killed and come back while all of them cast. It has tests only.
//
// The run of 60 seconds is part of what SPINGLASS_HOSTS=1 stands for; without it a run takes 12:
//
//	SPINGLASS_HOSTS=1 go test -count=1 -v ./test/groups
package groups
