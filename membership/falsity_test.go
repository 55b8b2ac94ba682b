package membership

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"spinglass/identity"
)

// wordJudge takes the content of a statement for the proof, behind 64 bytes of signature: it is false if it says so.
type wordJudge struct{ author identity.PublicKey }

func (j wordJudge) Accused(proof []byte) (identity.Statement, error) {
	if len(proof) < identity.SignatureSize {
		return identity.Statement{}, errNotice
	}
	s := identity.Statement{Author: j.author, Context: identity.ContextZoneRow, Epoch: 1, Sequence: 1, Digest: sha256.Sum256(proof[identity.SignatureSize:])}
	copy(s.Signature[:], proof)
	return s, nil
}

func (j wordJudge) Convicts(proof []byte) error {
	if string(proof[identity.SignatureSize:]) != "false" {
		return errors.New("acquitted")
	}
	return nil
}

// A proof that a statement is false is believed if the accused has signed the statement and the judge convicts. Neither alone is enough, nor is a statement of another key, nor a proof where there is
// no judge.
func TestFalseStatementsAreJudged(t *testing.T) {
	judge := wordJudge{soloKey(9).Public()}
	signed := func(text string) []byte {
		s := identity.SignStatement(soloKey(9), identity.ContextZoneRow, 1, 1, []byte(text))
		return append(slices.Clone(s.Signature[:]), text...)
	}
	s := newSolo(t, func(c *Config) { c.Identity.VerifyRate, c.Judge = 1e9, judge })
	s.meet(8)
	chain := s.proofAgainst(9).chain
	encode := func(proof []byte) []byte {
		n, err := newFalsity(chain, proof, judge)
		if err != nil {
			t.Fatal(err)
		}
		return n.encoded
	}
	good := encode(signed("false"))
	if out := s.tell(8, encode(signed("true"))); len(s.m.guard.notices.held) != 0 || s.m.stats.FalseAccusations != 1 || len(event[Quarantined](out)) != 0 {
		t.Error("who has told the truth is quarantined")
	}
	for bit := range 8 * len(good) {
		flipped := bytes.Clone(good)
		flipped[bit/8] ^= 1 << (bit % 8)
		if s.tell(8, flipped); len(s.m.guard.notices.held) != 0 {
			t.Fatalf("a proof with bit %d flipped is believed", bit)
		}
	}
	other, err := newFalsity(s.authorities.chains[8], signed("false"), judge)
	if err != nil {
		t.Fatal(err)
	}
	if s.tell(8, other.encoded); len(s.m.guard.notices.held) != 0 {
		t.Error("the chain of another member is taken")
	}
	out := s.tell(8, good)
	told := event[Quarantined](out)
	if len(told) != 1 || told[0].Key != judge.author || told[0].Proof != nil || !bytes.Equal(told[0].False, signed("false")) || !s.m.guard.notices.guilty(judge.author) {
		t.Fatalf("told %+v", told)
	}
	if q := s.m.Quarantine(); len(q) != 1 || q[0].Key != judge.author || s.m.stats.FalseProofs != 1 {
		t.Errorf("quarantined %+v", q)
	}
	n, err := decodeNotice(good, s.m.guard.root, judge)
	if err != nil || !bytes.Equal(n.encoded, good) {
		t.Error(err)
	}
	if _, err := decodeNotice(good, s.m.guard.root, nil); err == nil {
		t.Error("taken without a judge")
	}
}
