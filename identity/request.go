package identity

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"spinglass/protocol"
	"spinglass/wire"
)

// JoinRequestSizeMax is the size of the longest join request, in bytes.
const JoinRequestSizeMax = 4096

// JoinRequest asks an issuer for a member certificate: once with a token, to join; without one, to renew, or to be looked at by a person. Its
// signature proves that who asks has the key. It is immutable once it is signed.
type JoinRequest struct {
	Name   string
	NodeID protocol.NodeID
	Key    PublicKey
	Anchor Fingerprint // of the fleet; zero, without a token only: whichever fleet grants it
	// Token and Proof are zero without a token. The proof is an HMAC-SHA-256 of the rest of the request under the token's secret, so that the secret
	// itself is not sent, and whoever sees the request cannot make another.
	Token     TokenID
	Proof     [sha256.Size]byte
	Fields    []Field // optional fields that this version does not know, in ascending order of tags
	Signature Signature
}

// NewJoinRequest makes a request for the fleet of the token. The error is an ErrMalformed.
func NewJoinRequest(private PrivateKey, name string, id protocol.NodeID, token *Token) (*JoinRequest, error) {
	r := &JoinRequest{Name: name, NodeID: id, Key: private.Public(), Anchor: token.Anchor, Token: token.ID}
	r.Proof = r.proof(token.Secret)
	return r, r.sign(private)
}

// NewOfflineRequest makes a request without a token. A zero anchor leaves the fleet open: the person at the authority decides. The error is an ErrMalformed.
func NewOfflineRequest(private PrivateKey, name string, id protocol.NodeID, anchor Fingerprint) (*JoinRequest, error) {
	r := &JoinRequest{Name: name, NodeID: id, Key: private.Public(), Anchor: anchor}
	return r, r.sign(private)
}

func (r *JoinRequest) sign(private PrivateKey) error {
	if err := r.Check(); err != nil {
		return err
	}
	r.Signature = Sign(private, ContextRequest, r.AppendSigned(nil))
	return nil
}

func (r *JoinRequest) proof(secret TokenSecret) (proof [sha256.Size]byte) {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write(r.appendProven(nil))
	mac.Sum(proof[:0])
	return proof
}

// Verify reports why the request cannot be granted by the authority of the anchor: an error of Check, ErrAuthority or ErrSignature. Whether its token is
// good, Tokens tells.
func (r *JoinRequest) Verify(anchor Fingerprint) error {
	if err := r.Check(); err != nil {
		return err
	}
	open := r.Anchor == Fingerprint{} && r.Token == TokenID{}
	if r.Anchor != anchor && !open {
		return &AuthorityError{Expected: anchor, Found: r.Anchor}
	}
	return Verify(r.Key, ContextRequest, r.AppendSigned(nil), r.Signature)
}

// Check reports why the request cannot be encoded: ErrMalformed, ErrOrder, ErrTooLarge, ErrCritical or ErrWeakKey.
func (r *JoinRequest) Check() error {
	if err := cmp.Or(protocol.CheckName(r.Name), protocol.CheckReserved(r.Name)); err != nil {
		return fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	if r.NodeID == 0 || r.Token == (TokenID{}) && r.Proof != [sha256.Size]byte{} {
		return ErrMalformed
	}
	if err := checkFields(r.Fields); err != nil {
		return err
	}
	return r.Key.Check()
}

// Append appends the encoding of the request to b.
func (r *JoinRequest) Append(b []byte) []byte { return append(r.AppendSigned(b), r.Signature[:]...) }

// AppendSigned appends the part of the encoding that the signature covers: all but the signature.
func (r *JoinRequest) AppendSigned(b []byte) []byte {
	b = r.appendProven(b)
	if r.Token != (TokenID{}) {
		b = append(b, r.Proof[:]...)
	}
	return b
}

// appendProven appends what the proof covers.
func (r *JoinRequest) appendProven(b []byte) []byte {
	b = wire.AppendBytes(appendHeader(b), r.Name)
	b = wire.AppendFixed64(b, uint64(r.NodeID))
	b = append(append(b, r.Key[:]...), r.Anchor[:]...)
	b = appendFields(b, r.Fields)
	return append(b, r.Token[:]...)
}

// DecodeJoinRequest reads the encoding of one request, which must fill b. The request does not alias b; neither its signature nor its proof is checked.
// The error is one of package wire or of Check, ErrVersion or ErrAlgorithm.
func DecodeJoinRequest(b []byte) (*JoinRequest, error) {
	if len(b) > JoinRequestSizeMax {
		return nil, ErrTooLarge
	}
	in := wire.NewReader(b)
	readHeader(&in)
	r := &JoinRequest{Name: string(in.Bytes(protocol.NameMax)), NodeID: protocol.NodeID(in.Fixed64())}
	readArray(&in, r.Key[:])
	readArray(&in, r.Anchor[:])
	r.Fields = readFields(&in)
	readArray(&in, r.Token[:])
	if r.Token != (TokenID{}) {
		readArray(&in, r.Proof[:])
	}
	readArray(&in, r.Signature[:])
	if err := in.Done(); err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return r, nil
}
