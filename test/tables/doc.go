// Package tables holds tests of the tables of zones on whole fleets of nodes with real sockets, identities and the default rates.
package tables
