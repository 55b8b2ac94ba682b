package enrolment_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/protocol"
)

// The first node makes an authority and answers joins; another joins it by a token.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	first := &enrolment.Store{Dir: filepath.Join(dir, "a1")}
	authority := first.Authority()
	_, _ = authority.Init(ctx, "/", enrolment.RootLifeDefault)
	key, _ := first.Key(ctx)
	request, _ := identity.NewOfflineRequest(key, "/lab/a1", 1, identity.Fingerprint{})
	own, _ := authority.Issue(ctx, request, identity.MemberGrants())
	_, _ = first.Install(ctx, own, 1)

	issuer := enrolment.NewIssuer(enrolment.IssuerConfig{Authority: authority, Chain: func() identity.Chain { return own.Chain }})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- issuer.ServeListener(ctx, listener, key) }()
	token, _ := authority.NewToken(ctx, 1, time.Hour, protocol.Address(listener.Addr().String()))

	second := &enrolment.Store{Dir: filepath.Join(dir, "a2")}
	key, _ = second.Key(ctx)
	client := &enrolment.Client{Key: key}
	bundle, err := client.Join(ctx, token, "/lab/a2", 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	verified, err := second.Install(ctx, bundle, 2)
	fmt.Println(verified.Name, verified.NodeID, bundle.Anchor == own.Anchor, err)

	stop()
	fmt.Println(<-done, issuer.Stats().Joined)
	// Output:
	// /lab/a2 0000000000000002 true <nil>
	// <nil> 1
}
