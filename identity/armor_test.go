package identity

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArmor(t *testing.T) {
	f := newFleet(t)
	bundle := &Bundle{Anchor: f.root.Anchor(), Chain: f.member(t)}
	text := bundle.Text()
	for _, form := range []string{string(text), "\n\n" + string(text) + " \n", strings.ReplaceAll(string(text), "\n", "\r\n"), strings.TrimSpace(string(text))} {
		got, err := ParseBundle([]byte(form))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(bundle, got); diff != "" {
			t.Error(diff)
		}
	}
	for _, line := range []string{"-----BEGIN SPINGLASS ANCHOR-----\n", "-----BEGIN SPINGLASS CERTIFICATE CHAIN-----\n", "-----END SPINGLASS CERTIFICATE CHAIN-----\n"} {
		if !bytes.Contains(text, []byte(line)) {
			t.Errorf("no line %q", line)
		}
	}
	list := must[*RevocationList](t)(f.zone.Revoke(noon, Revocation{Serial: 3}))
	if got, err := ParseRevocationList(list.Text()); err != nil || got.Compare(list) != 0 || got.Verify() != nil {
		t.Error(err)
	}
	request := must[*JoinRequest](t)(NewOfflineRequest(f.memberKey, "/eu/web-1", 7, bundle.Anchor))
	if got, err := ParseJoinRequest(request.Text()); err != nil || cmp.Diff(request, got) != "" || got.Verify(bundle.Anchor) != nil {
		t.Error(err)
	}
	anchor := armor(BlockAnchor, bundle.Anchor[:])
	for name, c := range map[string]struct {
		want error
		text string
	}{
		"empty":             {ErrArmor, ""},
		"prose":             {ErrArmor, "Dear friends,\n" + string(text)},
		"no anchor":         {ErrArmor, string(text[len(anchor):])},
		"no chain":          {ErrArmor, string(anchor)},
		"empty chain":       {ErrChain, string((&Bundle{Anchor: bundle.Anchor}).Text())},
		"long anchor":       {ErrArmor, string(armor(BlockAnchor, make([]byte, 21))) + string(text[len(anchor):])},
		"request":           {ErrArmor, string(request.Text())},
		"request behind":    {ErrArmor, string(text) + string(request.Text())},
		"spaces in base 64": {ErrArmor, strings.Replace(string(text), "\n", "\n\n", 2)},
		"header":            {ErrArmor, strings.Replace(string(text), "ANCHOR-----\n", "ANCHOR-----\nA: b\n\n", 1)},
		"too long":          {ErrTooLarge, strings.Repeat(" ", ArmorSizeMax+1)},
		"many":              {ErrArmor, strings.Repeat(string(armor("X", nil)), 300)},
	} {
		if _, err := ParseBundle([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseJoinRequest(text); !errors.Is(err, ErrArmor) {
		t.Error(err)
	}
	if _, err := ParseRevocationList(append(list.Text(), list.Text()...)); !errors.Is(err, ErrArmor) {
		t.Error(err)
	}
}

func TestLargestBinariesFitIntoText(t *testing.T) {
	for _, size := range []int{ChainSizeMax + FingerprintSize, JoinRequestSizeMax, RevocationListSizeMax} {
		if text := armor(BlockRevocations, make([]byte, size)); len(text) > ArmorSizeMax-128 {
			t.Errorf("%d bytes of text for %d", len(text), size)
		}
	}
}
