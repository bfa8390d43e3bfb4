package callback_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Shut down gracefully 优雅停机: no push is accepted any more, and those that are being
// handled are finished and acknowledged. In a program, ctx is that of signal.NotifyContext.
func ExampleReceiver_shutdown() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	const secret = "from the host's configuration"
	receiver, err := callback.New(callback.Config{
		Secrets: []string{secret},
		Shipment: func(ctx context.Context, _ callback.Envelope, p *jushuitan.ShipmentPush) error {
			stop() // the program is told to end while it handles this push
			fmt.Println("handled", p.SoID, ctx.Err())
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{Handler: receiver, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		ended <- server.Shutdown(last)
	}()
	answered := make(chan string, 1)
	go func() {
		message := callbacktest.Message{
			Method: jushuitan.PushShipment, EntID: "10010", StorageCode: "133242", Secret: secret,
			Body: `{"o_id":200001,"so_id":"SO-1","l_id":"YT1","items":[{"sku_id":"SKU-A","qty":2}]}`,
		}
		reply, err := message.Send(context.WithoutCancel(ctx), http.DefaultClient, "http://"+listener.Addr().String()+"/delivery_callback")
		answered <- fmt.Sprint("answered ", reply.Status, " ", err)
	}()
	err = server.Serve(listener)
	fmt.Println(<-answered)
	fmt.Println("stopped:", errors.Is(err, http.ErrServerClosed), <-ended)
	// Output:
	// handled SO-1 <nil>
	// answered 200 <nil>
	// stopped: true <nil>
}
