package sql_test

import (
	"context"
	"fmt"
	"log"

	"spinglass"
	"spinglass/gateway/sql"
)

// A program asks its own node, and changes its row.
func ExampleOpen() {
	ctx := context.Background()
	node, err := spinglass.Start(ctx, spinglass.Config{Name: "/lab/one", Listen: "127.0.0.1:0", First: true, NoMulticast: true})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	if err := node.Set(ctx, spinglass.Attrs{"role": "web", "load": 0.5}); err != nil {
		log.Fatal(err)
	}

	db := sql.Open(node)
	defer db.Close()
	if _, err := db.ExecContext(ctx, "UPDATE self SET load = load + $1", 1); err != nil {
		log.Fatal(err)
	}
	var name string
	var load float64
	if err := db.QueryRowContext(ctx, "SELECT name, load FROM hosts WHERE role = $1", "web").Scan(&name, &load); err != nil {
		log.Fatal(err)
	}
	fmt.Println(name, load)
	// Output: /lab/one 1.5
}
