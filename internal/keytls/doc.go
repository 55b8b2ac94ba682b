// Package keytls makes TLS 1.3 connections whose ends prove their Ed25519 keys, without a public key infrastructure of X.509.
//
// Each side shows a certificate that it signed itself. It says nothing but the key; whose key that is, and what its holder may do, is in chains of
// package identity, which the ends exchange inside the connection and compare with the key that TLS has proven.
//
// # Contract
//
// Only TLS 1.3 is spoken. A connection whose end shows no key, or a key of another kind, fails in the handshake. A caller must look at [PeerKey]
// before it believes what the other end says.
//
// # Limitations
//
// Clients that have no key yet, as one that enrols, may be let in by [Server] with anonymous set; PeerKey tells them apart.
package keytls
