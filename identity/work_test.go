package identity

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"spinglass/protocol"
)

// checked does what a driver does with a check.
func checked(c protocol.Check) bool {
	return ed25519.VerifyWithOptions(c.PublicKey, c.Message, c.Signature, &ed25519.Options{Context: c.Context}) == nil
}

// What is checked elsewhere is what Verify checks: the check of each kind of signature is good, and no longer so when the content has changed.
func TestSignatureChecks(t *testing.T) {
	f := newFleet(t)
	for _, certificate := range f.member(t) {
		changed := *certificate
		changed.Serial++
		if !checked(certificate.SignatureCheck()) || checked(changed.SignatureCheck()) {
			t.Errorf("%s certificate", certificate.Kind)
		}
	}
	list := must[*RevocationList](t)(f.root.Revoke(noon, Revocation{Key: f.memberKey.Public(), Before: InstantMax}))
	later := *list
	later.Number++
	if !checked(list.SignatureCheck()) || checked(later.SignatureCheck()) {
		t.Error("revocation list")
	}
	proof := must[*Equivocation](t)(NewEquivocation(SignStatement(f.memberKey, ContextRow, 3, 4, []byte("a")), SignStatement(f.memberKey, ContextRow, 3, 4, []byte("b"))))
	for i, c := range proof.SignatureChecks() {
		if !checked(c) {
			t.Errorf("statement %d of a proof", i)
		}
	}
}

// A statement whose author's private key is kept elsewhere is the same as one that is signed here.
func TestStatementIsSignedElsewhere(t *testing.T) {
	key := newKey(5)
	want := SignStatement(key, ContextRow, 3, 4, []byte("row"))
	statement := want
	statement.Signature = Signature{}
	work := statement.Sign(7)
	signature, err := key.Ed25519().Sign(nil, work.Message, &ed25519.Options{Context: work.Context})
	if err != nil || work.Number != 7 || Signature(signature) != want.Signature || !bytes.Equal(work.PublicKey, want.Author[:]) {
		t.Errorf("%v, %+v", err, work)
	}
}

// A list that was verified elsewhere is merged without its signature being looked at, and a contradiction is proven all the same.
func TestMergeVerified(t *testing.T) {
	key := newKey(6)
	list := func(serial uint64) *RevocationList {
		return must[*RevocationList](t)(NewRevocationList(key, 1, noon, Revocation{Serial: serial, Until: noon}))
	}
	var r Revocations
	if changed, proof, err := r.MergeVerified(list(1)); !changed || proof != nil || err != nil {
		t.Fatalf("%v, %v, %v", changed, proof, err)
	}
	if changed, proof, err := r.MergeVerified(list(2)); !changed || proof == nil || err != nil || proof.Verify() != nil {
		t.Fatalf("%v, %v, %v", changed, proof, err)
	}
	if changed, proof, err := r.MergeVerified(list(1)); changed || proof != nil || err != nil {
		t.Fatalf("%v, %v, %v", changed, proof, err)
	}
}
