package jushuitantest

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/dianjia/jushuitan-go/internal/fakeserver"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// PayOrder pays the outstanding amount of an order that waits for payment (待付款);
// then it waits for its audit.
func (c *Company) PayOrder(oID int64) error {
	defer c.change()()
	o, err := c.order(oID)
	if err != nil {
		return err
	}
	if o.Status != orderWaitPay {
		return problem("order %d is %s, not WaitPay", oID, o.Status)
	}
	c.pay(o, &jushuitan.OrderUpload{Pay: &jushuitan.OrderUploadPay{
		OuterPayID: "PAY-" + o.SoID + "-" + text(int64(len(o.Pays)+1)), PayDate: c.now, Payment: "支付宝", Amount: o.PayAmount.Sub(o.PaidAmount),
	}})
	o.ShopStatus = "WAIT_SELLER_SEND_GOODS"
	c.setStatus(o, orderWaitConfirm)
	c.touch(o, "付款", "")
	return nil
}

// Shops returns copies of all shops (店铺).
func (c *Company) Shops() []jushuitan.Shop {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copies(c.shops)
}

// Warehouses returns copies of all warehouses (仓库).
func (c *Company) Warehouses() []jushuitan.Warehouse {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copies(c.warehouses)
}

// Carriers returns copies of all carriers (物流公司).
func (c *Company) Carriers() []jushuitan.Carrier {
	c.mu.Lock()
	defer c.mu.Unlock()
	return copies(c.carriers)
}

func copies[T any](list []*T) []T { return copiesOf(list, func(v *T) *T { return v }) }

func copiesOf[D, T any](list []D, of func(D) *T) []T {
	var out []T
	for _, v := range list {
		out = append(out, deepCopy(*of(v)))
	}
	return out
}

// PushAddress is the address of one kind of push of a shop, see [Company.RegisterPush].
// Secrets in it are masked.
type PushAddress struct {
	ShopID int64
	Method jushuitan.PushMethod
	URL    string
}

// PushAddresses returns all registered addresses, sorted by shop and kind.
func (c *Company) PushAddresses() []PushAddress {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []PushAddress
	for target, address := range c.pushURLs {
		out = append(out, PushAddress{ShopID: target.shop, Method: target.method, URL: masked(address)})
	}
	slices.SortFunc(out, func(a, b PushAddress) int {
		return cmp.Or(cmp.Compare(a.ShopID, b.ShopID), cmp.Compare(a.Method, b.Method))
	})
	return out
}

// Faults returns the faults that can still affect a request, in the order of their
// injection.
func (s *Server) Faults() []Fault {
	var out []Fault
	s.faults.Each(func(f Fault, left fakeserver.Plan) {
		f.Skip, f.Times = left.Skip, left.Times
		out = append(out, f)
	})
	return out
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() { s.faults.Clear() }

// FaultKinds returns every kind of fault, in the order of the constants.
func FaultKinds() []FaultKind {
	var out []FaultKind
	for k := NoFault + 1; int(k) < len(faultNames); k++ {
		out = append(out, k)
	}
	return out
}

// WithMiddleware wraps the API's handler. The middleware receives the server and the API's
// handler, to which it passes the requests that it does not answer itself.
func WithMiddleware(middleware func(s *Server, api http.Handler) http.Handler) Option {
	return func(c *config) error {
		if middleware == nil {
			return errors.New("WithMiddleware: nil")
		}
		c.middleware = middleware
		return nil
	}
}
