package identity

import (
	"bytes"
	"strings"
	"testing"
)

// fuzzSamples checks that what decodes is encoded the same again, for all samples whose names begin with the given one.
func fuzzSamples(f *testing.F, name string) {
	var again func([]byte) []byte
	for of, s := range samples(f) {
		if strings.HasPrefix(of, name) {
			f.Add(s.encoded)
			again = s.again
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if encoded := again(b); encoded != nil && !bytes.Equal(encoded, b) {
			t.Fatalf("%x decodes and encodes as %x", b, encoded)
		}
	})
}

func FuzzDecodeChain(f *testing.F)          { fuzzSamples(f, "chain") }
func FuzzDecodeRevocationList(f *testing.F) { fuzzSamples(f, "revocations") }
func FuzzDecodeBeacon(f *testing.F)         { fuzzSamples(f, "beacon") }
func FuzzDecodeEquivocation(f *testing.F)   { fuzzSamples(f, "equivocation") }
func FuzzDecodeJoinRequest(f *testing.F)    { fuzzSamples(f, "request") }

func FuzzDecodeCertificate(f *testing.F) {
	for _, certificate := range certificates(f) {
		f.Add(certificate.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		certificate, err := DecodeCertificate(b)
		if err != nil {
			return
		}
		if again := certificate.Append(nil); !bytes.Equal(again, b) || certificate.Size() != len(b) || len(b) > CertificateSizeMax {
			t.Fatalf("%x decodes and encodes as %x", b, again)
		}
		_ = certificate.checkIssuer(certificate)
	})
}

// Text may have spaces around it, so what is read twice must be the same, rather than its text.
func FuzzParse(f *testing.F) {
	for name, s := range samples(f) {
		if strings.HasSuffix(name, "file") || name == "bundle" || name == "token" {
			f.Add(string(s.encoded))
		}
	}
	f.Add("publish:orders*")
	f.Add(newKey(1).Public().String())
	f.Add(newKey(1).Public().Fingerprint().String())
	f.Fuzz(func(t *testing.T, s string) {
		if token, err := ParseToken(s); err == nil && token.Text() != strings.TrimSpace(s) {
			t.Errorf("token %q", s)
		}
		if grant, err := ParseGrant(s); err == nil && grant.String() != s {
			t.Errorf("grant %q", s)
		}
		if key, err := ParsePublicKey(s); err == nil && key.String() != s {
			t.Errorf("key %q", s)
		}
		if fingerprint, err := ParseFingerprint(s); err == nil && fingerprint.String() != s {
			t.Errorf("fingerprint %q", s)
		}
		normal := strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) + "\n"
		if bundle, err := ParseBundle([]byte(s)); err == nil && string(bundle.Text()) != normal {
			t.Errorf("bundle %q", s)
		}
		if client, err := ParseClient([]byte(s)); err == nil && string(client.Text()) != normal {
			t.Errorf("client %q", s)
		}
		if request, err := ParseJoinRequest([]byte(s)); err == nil && string(request.Text()) != normal {
			t.Errorf("request %q", s)
		}
		if list, err := ParseRevocationList([]byte(s)); err == nil && string(list.Text()) != normal {
			t.Errorf("revocation list %q", s)
		}
	})
}

// The content of kept files is fuzzed under the right checksum, and that of tokens, too.
func FuzzKept(f *testing.F) {
	for name, s := range samples(f) {
		if name == "key" || name == "tokens" || name == "register" {
			f.Add(s.encoded[1 : len(s.encoded)-checksumSize])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = appendChecksum(append([]byte{formatVersion}, b...))
		if key, err := DecodePrivateKey(b); err == nil && !bytes.Equal(key.Append(nil), b) {
			t.Error("key")
		}
		if tokens, err := DecodeTokens(b); err == nil && !bytes.Equal(tokens.Append(nil), b) {
			t.Errorf("tokens %x", b)
		}
		if register, err := DecodeRegister(b); err == nil && !bytes.Equal(register.Append(nil), b) {
			t.Errorf("register %x", b)
		}
		if token, err := decodeToken(b); err == nil {
			if again, err := ParseToken(token.Text()); err != nil || again.Text() != token.Text() {
				t.Errorf("token %x: %v", b, err)
			}
		}
	})
}
