package spinglass_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

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

// counter is a state machine: a number, which commands add to.
type counter struct{ sum int }

func (c *counter) Apply(command spinglass.Command) any {
	n, _ := strconv.Atoi(string(command.Payload)) // what is no number adds nothing, at all members alike
	c.sum += n
	return c.sum
}

func (c *counter) Snapshot() (io.WriterTo, error) {
	return strings.NewReader(strconv.Itoa(c.sum)), nil
}

func (c *counter) Restore(r io.Reader) (err error) {
	_, err = fmt.Fscan(r, &c.sum)
	return err
}

// A state machine of which each member of a group has a copy. Results are handed back when no failure can take them back any longer.
func ExampleNode_Group() {
	ctx := context.Background()
	node, err := spinglass.Start(ctx, spinglass.Config{Name: "/lab/a1", Listen: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	group, err := node.Group(ctx, "counter", spinglass.Replicated(&counter{}), spinglass.FoundAfter(100*time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, command := range []string{"3", "4"} {
		sum, err := group.Propose(ctx, []byte(command))
		if err != nil {
			fmt.Println(err) // by errors.Is spinglass.ErrUncertain where the command may have been carried out
			return
		}
		fmt.Println(sum)
	}
	view := group.View()
	fmt.Println(len(view.Members), "member,", view.Members[0].Name)
	// Output:
	// 3
	// 7
	// 1 member, /lab/a1
}
