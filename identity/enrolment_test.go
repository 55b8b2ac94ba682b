package identity

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spinglass/protocol"
)

func newToken(t testing.TB, tokens *Tokens, uses int, expiry Instant) *Token {
	t.Helper()
	seed := uint64(900 + len(tokens.records))
	return must[*Token](t)(tokens.New(entropy(seed), newKey(1).Public().Fingerprint(), uses, expiry, "10.0.0.5:7400", "[2001:db8::1]:7400"))
}

func TestTokenText(t *testing.T) {
	token := newToken(t, &Tokens{}, 1, noon)
	text := token.Text()
	got, err := ParseToken("\n " + text + "\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(token, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(text, "spinglass1.") || len(text) > 170 {
		t.Errorf("%d characters: %s", len(text), text)
	}
	bare := *token
	bare.Addresses = nil
	if text := bare.Text(); len(text) > 110 {
		t.Errorf("%d characters without addresses", len(text))
	}
	for text, want := range map[string]error{
		"":                           ErrTokenText,
		"hello":                      ErrTokenText,
		"spinglass2.abc":             ErrVersion,
		"spinglass1.":                ErrTokenDamaged,
		text + "a":                   ErrTokenDamaged,
		text[:20] + text[21:]:        ErrTokenDamaged,
		strings.ToUpper(text):        ErrTokenText,
		text[:40] + "\n" + text[40:]: ErrTokenDamaged,
		"spinglass1." + strings.Repeat("a", TokenTextMax):                       ErrTokenText,
		text[:30] + text[31:32] + text[30:31] + text[32:]:                       ErrTokenDamaged, // two letters exchanged
		(&Token{ID: TokenID{1}, Expiry: InstantMax + 1}).Text():                 ErrTokenDamaged,
		(&Token{ID: TokenID{}, Expiry: noon}).Text():                            ErrTokenDamaged,
		(&Token{ID: TokenID{1}, Addresses: make([]protocol.Address, 1)}).Text(): ErrTokenDamaged,
	} {
		if _, err := ParseToken(text); !errors.Is(err, want) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	long := strings.Repeat("x", protocol.AddressMax)
	for range TokenAddressesMax - len(token.Addresses) {
		token.Addresses = append(token.Addresses, protocol.Address(long))
	}
	token.Addresses[0], token.Addresses[1], token.Expiry = protocol.Address(long), protocol.Address(long), InstantMax
	if _, err := ParseToken(token.Text()); err != nil {
		t.Errorf("the longest token, %d characters: %v", len(token.Text()), err)
	}
}

func TestTokensErrors(t *testing.T) {
	tokens := &Tokens{}
	token := newToken(t, tokens, 2, noon.Add(day))
	request := func(seed uint64, name string, token *Token) *JoinRequest {
		return must[*JoinRequest](t)(NewJoinRequest(newKey(seed), name, someNode, token))
	}
	unknown, wrong := *token, *token
	unknown.ID[0]++
	wrong.Secret[0]++
	for name, c := range map[string]struct {
		want    error
		token   *Token
		instant Instant
	}{
		"good":                         {nil, token, noon},
		"last second":                  {nil, token, noon.Add(day)},
		"unknown":                      {ErrTokenUnknown, &unknown, noon},
		"wrong secret":                 {ErrTokenSecret, &wrong, noon},
		"expired":                      {ErrExpired, token, noon.Add(day) + 1},
		"expired, and no word of that": {ErrTokenSecret, &wrong, noon.Add(day) + 1},
	} {
		if err := tokens.Check(request(20, "/a", c.token), c.instant); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	first := request(20, "/a", token)
	for i, c := range []struct {
		request *JoinRequest
		want    error
		used    int
	}{
		{first, nil, 1},
		{first, nil, 1}, // the answer was lost
		{request(21, "/b", token), nil, 2},
		{request(20, "/c", token), ErrTokenSpent, 2}, // another name is another use
		{request(22, "/a", token), ErrTokenSpent, 2}, // and so is another key
		{first, nil, 2},
	} {
		if err := tokens.Redeem(c.request, noon); !errors.Is(err, c.want) || tokens.States()[0].Uses != c.used {
			t.Errorf("redeeming %d: %v, %+v", i, err, tokens.States())
		}
	}
	changed := *first
	changed.Name = "/other"
	if err := tokens.Check(&changed, noon); !errors.Is(err, ErrTokenSecret) {
		t.Errorf("a changed request: %v", err)
	}
	if !tokens.Remove(token.ID) || tokens.Remove(token.ID) || !errors.Is(tokens.Check(first, noon), ErrTokenUnknown) {
		t.Error("taking a token back")
	}
}

func TestTokensAreBounded(t *testing.T) {
	tokens := &Tokens{}
	for range TokensMax {
		newToken(t, tokens, 1, noon)
	}
	if _, err := tokens.New(entropy(1), Fingerprint{}, 1, noon); !errors.Is(err, ErrTokensFull) {
		t.Error(err)
	}
	if n := tokens.Expire(noon.Add(TokenMemory) - 1); n != 0 {
		t.Errorf("%d expired early", n)
	}
	if n := tokens.Expire(noon.Add(TokenMemory)); n != TokensMax {
		t.Errorf("%d expired", n)
	}
	for _, uses := range []int{0, TokenUsesMax + 1} {
		if _, err := tokens.New(entropy(1), Fingerprint{}, uses, noon); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d uses: %v", uses, err)
		}
	}
	if _, err := tokens.New(entropy(1), Fingerprint{}, 1, noon, make([]protocol.Address, TokenAddressesMax+1)...); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if _, err := tokens.New(bytes.NewReader(make([]byte, 23)), Fingerprint{}, 1, noon); err == nil || len(tokens.States()) != 0 {
		t.Errorf("too little entropy: %v", err)
	}
}

func TestTokensAreKept(t *testing.T) {
	tokens := &Tokens{}
	token := newToken(t, tokens, 3, noon)
	newToken(t, tokens, TokenUsesMax, noon)
	request := must[*JoinRequest](t)(NewJoinRequest(newKey(20), "/a", someNode, token))
	if err := tokens.Redeem(request, noon); err != nil {
		t.Fatal(err)
	}
	encoded := tokens.Append(nil)
	got, err := DecodeTokens(encoded)
	if err != nil || !bytes.Equal(got.Append(nil), encoded) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tokens.States(), got.States()); diff != "" || got.Check(request, noon) != nil {
		t.Error(diff)
	}
	encoded[3]++
	if _, err := DecodeTokens(encoded); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	encoded[0] = 2
	if _, err := DecodeTokens(encoded); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	if _, err := DecodeTokens(make([]byte, TokensSizeMax+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestJoinRequest(t *testing.T) {
	token := newToken(t, &Tokens{}, 1, noon)
	key := newKey(20)
	request := must[*JoinRequest](t)(NewJoinRequest(key, "/eu/web-1", someNode, token))
	encoded := request.Append(nil)
	got, err := DecodeJoinRequest(encoded)
	if err != nil || got.Verify(token.Anchor) != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(request, got); diff != "" {
		t.Error(diff)
	}
	if bytes.Contains(encoded, token.Secret[:]) {
		t.Error("the secret is sent")
	}
	if err := got.Verify(Fingerprint{}); !errors.Is(err, ErrAuthority) {
		t.Errorf("another fleet: %v", err)
	}
	offline := must[*JoinRequest](t)(NewOfflineRequest(key, "/eu/web-1", someNode, token.Anchor))
	if got, err := DecodeJoinRequest(offline.Append(nil)); err != nil || cmp.Diff(offline, got) != "" || got.Verify(token.Anchor) != nil {
		t.Errorf("offline: %v", err)
	}
	if size := len(offline.Append(nil)); size != len(encoded)-32 {
		t.Errorf("%d bytes offline, %d with a token", size, len(encoded))
	}
	for name, c := range map[string]struct {
		want   error
		change func(*JoinRequest)
	}{
		"name":      {ErrMalformed, func(r *JoinRequest) { r.Name = "web" }},
		"nobody":    {ErrMalformed, func(r *JoinRequest) { r.NodeID = 0 }},
		"no token":  {ErrMalformed, func(r *JoinRequest) { r.Token = TokenID{} }},
		"weak":      {ErrWeakKey, func(r *JoinRequest) { r.Key = PublicKey{} }},
		"field":     {ErrCritical, func(r *JoinRequest) { r.Fields = []Field{{Tag: 2}} }},
		"other key": {ErrSignature, func(r *JoinRequest) { r.Key = newKey(21).Public() }},
	} {
		changed := *request
		c.change(&changed)
		if err := changed.Verify(token.Anchor); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewJoinRequest(key, "web", someNode, token); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if _, err := DecodeJoinRequest(make([]byte, JoinRequestSizeMax+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestTokenSecretIsHidden(t *testing.T) {
	token := newToken(t, &Tokens{}, 1, noon)
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
		shown := fmt.Sprintf(verb, *token)
		for _, form := range []string{fmt.Sprintf("%x", token.Secret[:4]), fmt.Sprint(token.Secret[:4])[1:8], string(token.Secret[:4])} {
			if strings.Contains(shown, form) || !strings.Contains(shown, "hidden") {
				t.Errorf("%s shows %s", verb, shown)
			}
		}
	}
}

func TestRequestThatLeavesTheFleetOpen(t *testing.T) {
	f := newFleet(t)
	open := must[*JoinRequest](t)(NewOfflineRequest(f.memberKey, "/eu/web-1", someNode, Fingerprint{}))
	for _, authority := range []*Authority{f.root, f.zone} {
		if _, err := authority.Admit(terms(noon, day), open, nil, MemberGrants()); err != nil {
			t.Error(err)
		}
	}
	// With a token, nobody but its fleet is asked.
	token := newToken(t, &Tokens{}, 1, noon)
	token.Anchor = Fingerprint{}
	request := must[*JoinRequest](t)(NewJoinRequest(f.memberKey, "/eu/web-1", someNode, token))
	if err := request.Verify(f.root.Anchor()); !errors.Is(err, ErrAuthority) {
		t.Error(err)
	}
}
