// Command walkthroughs shows that the inbox takes and handles the new kind of push.
package main

import (
	"context"
	"fmt"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/redisstate"
)

func main() {
	var inbox *redisstate.Inbox
	_, err := callback.New(callback.Config{AllowUnauthenticated: true, MadeUp: inbox.MadeUp})
	fmt.Println("stored by", "Inbox.MadeUp", err)
	handlers := redisstate.Handlers{MadeUp: func(_ context.Context, env callback.Envelope, p *jushuitan.MadeUpPush) error {
		fmt.Println("handled", env.Method, p.MadeUpID)
		return nil
	}}
	fmt.Println(handlers.Handle(context.Background(), redisstate.Message{Method: "made.up", Raw: []byte(`{"made_up_id":"M-1"}`)}))
}
