// Package hosts tests real processes on several hosts: network namespaces on one machine, joined by a bridge, with packets dropped at random
// by packet filters, and what outsiders, full disks, few files and people do to them. It has tests only. They need root, iproute2, nftables and
// util-linux, take about seven minutes, and run where SPINGLASS_HOSTS=1 is set:
//
//	sudo SPINGLASS_HOSTS=1 go test -count=1 -v ./test/hosts
//
// The agents have the race detector, and tell what it finds in files that begin with /tmp/race, with these besides. Some tests then fail because agents
// take five times as long:
//
//	GOFLAGS=-race GORACE=log_path=/tmp/race
package hosts
