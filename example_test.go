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

func ExampleNode_Set() {
	ctx := context.Background()
	node, err := spinglass.Start(ctx, spinglass.Config{Name: "/lab/a1", Listen: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	if err := node.Set(ctx, spinglass.Attrs{"role": "web", "weight": 0.5}); err != nil {
		fmt.Println(err) // the row is as it was
		return
	}
	rows, err := node.Rows(ctx, "/lab")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range rows {
		fmt.Println(row.Name, row.Attributes["role"], row.Attributes["weight"])
	}
	// Output: /lab/a1 web 0.5
}
