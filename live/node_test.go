package live

import (
	"fmt"
	"testing"

	"spinglass/protocol"
)

// echo answers every message.
func echo() *toy {
	return &toy{receive: func(_ protocol.Time, from protocol.NodeID, body []byte, out *protocol.Output) {
		out.Send(from, &text{body: append([]byte(nil), body...)})
	}}
}

func TestEcho(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s plain=%t", listen, plain), func(t *testing.T) {
				change := func(c *Config) { c.Listen, c.PlainDatagrams = listen, plain }
				server := run(t, 2, echo(), change)
				answers := make(chan string, 1)
				client := run(t, 1, &toy{receive: func(_ protocol.Time, _ protocol.NodeID, body []byte, _ *protocol.Output) {
					answers <- string(body)
				}}, change)
				err := client.Do(func(_ protocol.Time, out *protocol.Output) {
					out.SendAddress(server.Advertised(), &text{body: []byte("hello")})
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := <-answers; got != "hello" {
					t.Errorf("got %q", got)
				}
			})
		}
	}
}
