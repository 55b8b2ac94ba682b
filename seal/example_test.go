package seal_test

import (
	"fmt"

	"spinglass/seal"
)

// Two ends that share a secret exchange a datagram, which is good once.
func Example() {
	secret := make([]byte, seal.SecretSize) // real ones come from a TLS connection of both
	initiator, _ := seal.Derive(secret, true)
	responder, _ := seal.Derive(secret, false)

	const index = 7 // chosen by the responder
	sealer, opener := seal.NewSealer(initiator.Send, index), seal.NewOpener(responder.Receive, index)
	datagram, _ := sealer.Seal(nil, []byte("hello"))
	captured := append([]byte(nil), datagram...)

	frames, err := opener.Open(datagram)
	fmt.Printf("%d bytes: %s %v\n", len(datagram), frames, err)
	_, err = opener.Open(captured)
	fmt.Println(err)
	// Output:
	// 34 bytes: hello <nil>
	// seal: opened before, or too old to tell
}
