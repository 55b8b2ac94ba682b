package spinglass_test

import (
	"context"
	"fmt"

	"spinglass"
)

func Example() {
	ctx := context.Background()
	node, err := spinglass.Start(ctx, spinglass.Config{Name: "/lab/a1", Listen: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	subscription, err := node.Subscribe(ctx, "orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := node.Publish(ctx, "orders", []byte("two pounds of apples")); err != nil {
		fmt.Println(err)
		return
	}
	for message, err := range subscription.Messages(ctx) {
		if err != nil {
			fmt.Println(err) // a *spinglass.Gap says what is missing, and the loop could go on
			break
		}
		fmt.Printf("%s: %s\n", message.From, message.Payload)
		break
	}
	// Output: /lab/a1: two pounds of apples
}
