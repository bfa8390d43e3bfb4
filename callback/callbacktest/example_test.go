package callbacktest_test

import (
	"context"
	"fmt"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// A test of the host signs a push as Jushuitan does and sends it to the host's receiver.
func ExampleMessage() {
	const secret = "from the host's configuration"
	receiver, err := callback.New(callback.Config{
		GoodsReturned: func(_ context.Context, env callback.Envelope, p *jushuitan.GoodsReturnedPush) error {
			fmt.Println("merchant", env.EntID, p.Action, p.OuterASID)
			return nil
		},
		Secrets: []string{secret},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	message := callbacktest.Message{
		EntID: "10010", StorageCode: "133242", Secret: secret,
		Body: &jushuitan.GoodsReturnedPush{OuterASID: "RT-1", Action: jushuitan.GoodsReceived},
	}
	reply, err := message.Serve(context.Background(), receiver, "/return_goods_callback")
	fmt.Println(reply.Status, reply.Code, err)
	message.Secret = "" // a URL without a token
	reply, err = message.Serve(context.Background(), receiver, "/return_goods_callback")
	fmt.Println(reply.Status, reply.Code, err)
	// Output:
	// merchant 10010 确认收货 RT-1
	// 200 0 <nil>
	// 403 -1 <nil>
}
