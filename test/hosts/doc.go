// Package hosts tests real processes on several hosts: network namespaces on one machine, joined by a bridge, with packets dropped at random
// by packet filters, and what outsiders, full disks, few files and people do to them. It has tests only. They need root, iproute2, nftables and
// util-linux, take about seven minutes, and run where SPINGLASS_HOSTS=1 is set:
//
//	sudo SPINGLASS_HOSTS=1 go test -count=1 -v ./test/hosts
package hosts
