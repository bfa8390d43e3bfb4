package jushuitantest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pushsend"
	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// pushTarget identifies a registered address of a shop.
type pushTarget struct {
	shop   int64
	method jushuitan.PushMethod
}

// pushTimeout limits one POST (assumption).
const pushTimeout = 10 * time.Second

// PushRecord is a push and its outcome.
type PushRecord struct {
	Time     time.Time // server's, of creation
	Merchant string
	Method   jushuitan.PushMethod
	ShopID   int64
	URL      string // as sent, with values that look like secrets masked
	Done     bool   // it was delivered or given up
	Attempts int
	Status   int    // HTTP status of the last attempt; 0 without an answer
	Code     string // the code member of its answer
	Err      error  // error of the last attempt; nil if delivered

	// Body is the message and Answer what the receiver answered last, at most 32 KiB. They
	// are kept for the latest 500 pushes and may hold personal data.
	Body, Answer string
}

const (
	keptPushes = 500
	keptAnswer = 32 << 10 // bytes
)

// Delivered reports whether the receiver accepted it: HTTP 200 and code 0.
func (r PushRecord) Delivered() bool { return r.Done && r.Err == nil }

// pushHub queues pushes for each company and sends them in order.
type pushHub struct {
	s      *Server
	client *http.Client

	mu       sync.Mutex
	records  []*PushRecord
	queues   map[*Company][]*queuedPush
	running  map[*Company]bool
	open     int           // not delivered and not given up yet
	idle     chan struct{} // closes when open falls to 0
	attempts int
}

type queuedPush struct {
	record *PushRecord
	url    string
	method jushuitan.PushMethod
	body   []byte
	after  time.Duration // after the change
}

func (h *pushHub) init(s *Server) {
	h.s = s
	h.queues, h.running = map[*Company][]*queuedPush{}, map[*Company]bool{}
	h.idle = make(chan struct{})
	close(h.idle)
	h.client = s.cfg.pushClient
	if h.client == nil {
		h.client = pushsend.Client(s.host.Transport, pushTimeout)
	}
}

// RegisterPush registers the URL for one kind of push of a shop, as the shop's message
// settings (消息推送设置) do. Query parameters of the URL are kept; "" removes the
// registration. Without a URL nothing is pushed.
func (c *Company) RegisterPush(shopID int64, method jushuitan.PushMethod, address string) error {
	if !slices.Contains(jushuitan.PushMethods(), method) {
		return problem("RegisterPush: method %q is unknown", method)
	}
	if address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return problem("RegisterPush: invalid address: use http(s)://host/path?query")
		}
		for _, name := range []string{"method", "partnerid", "ts", "sign"} {
			if u.Query().Has(name) {
				return problem("RegisterPush: the parameter %s is Jushuitan's own", name)
			}
		}
	}
	defer c.change()()
	if c.shop(shopID) == nil {
		return problem("RegisterPush: shop %d does not exist: AddShop first", shopID)
	}
	if address == "" {
		delete(c.pushURLs, pushTarget{shopID, method})
	} else {
		c.pushURLs[pushTarget{shopID, method}] = address
	}
	return nil
}

// PushStock pushes the stock (库存同步) of a warehouse to a shop: of the named SKUs, or
// of all SKUs of the warehouse. The quantity is qty + virtual_qty - order_lock, the
// platform's available quantity (可用数); other formulas, which merchants may set, are
// not modelled.
func (c *Company) PushStock(shopID, wmsCoID int64, skuIDs ...string) error {
	defer c.change()()
	if c.pushURLs[pushTarget{shopID, jushuitan.PushStock}] == "" {
		return problem("PushStock: shop %d has no address for %s: RegisterPush first", shopID, jushuitan.PushStock)
	}
	w, err := c.warehouse(wmsCoID)
	if err != nil {
		return err
	}
	if len(skuIDs) == 0 {
		for _, r := range c.stockRows(w.WMSCoID, nil) {
			skuIDs = append(skuIDs, r.SKUID)
		}
	}
	msg := &jushuitan.StockPush{}
	for i, id := range skuIDs {
		if c.skus[id] == nil {
			return problem("PushStock: SKU %q does not exist", id)
		}
		row := jushuitan.StockPushRow{ID: int64(i + 1), ShopID: shopID, SKUID: id, ShopSKUID: id, IID: c.skus[id].IID, ShopIID: c.skus[id].IID, Modified: c.now}
		for _, s := range c.shopSKUs {
			if s.ShopID == shopID && s.SKUID == id {
				row.ShopSKUID, row.ShopIID = s.ShopSKUID, s.ShopIID
			}
		}
		if r := c.stock[stockKey{w.WMSCoID, id}]; r != nil {
			row.Qty, row.Modified = r.Qty.Add(r.VirtualQty).Sub(r.OrderLock), r.Modified
		}
		msg.Rows = append(msg.Rows, row)
	}
	if len(msg.Rows) == 0 {
		return problem("PushStock: warehouse %d has no stock rows", w.WMSCoID)
	}
	c.push(shopID, jushuitan.PushStock, msg)
	return nil
}

// push queues a push, if the shop has an address for it.
func (c *Company) push(shopID int64, method jushuitan.PushMethod, msg any) {
	address := c.pushURLs[pushTarget{shopID, method}]
	if address == "" {
		return
	}
	body, err := wire.MarshalExact(msg)
	if err != nil {
		panic(err) // cannot happen: our own types
	}
	c.s.pushes.add(c, &queuedPush{
		record: &PushRecord{Time: c.s.Now(), Merchant: c.name, Method: method, ShopID: shopID, URL: masked(address), Body: string(body)},
		url:    address, method: method, body: body, after: time.Duration(c.s.after.Load()),
	})
}

func (h *pushHub) add(c *Company, p *queuedPush) {
	entered := h.s.host.Enter()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, p.record)
	if old := len(h.records) - keptPushes; old > 0 {
		h.records[old-1].Body, h.records[old-1].Answer = "", ""
	}
	if !entered {
		p.record.Done, p.record.Err = true, errors.New("the server is closed")
		return
	}
	defer h.s.host.Leave()
	if h.open == 0 {
		h.idle = make(chan struct{})
	}
	h.open++
	h.queues[c] = append(h.queues[c], p)
	if !h.running[c] {
		h.running[c] = true
		h.s.host.Go(func() { h.work(c) })
	}
}

// work sends a company's pushes in order until there are none.
func (h *pushHub) work(c *Company) {
	for {
		h.mu.Lock()
		if len(h.queues[c]) == 0 {
			h.running[c] = false
			h.mu.Unlock()
			return
		}
		p := h.queues[c][0]
		h.queues[c] = h.queues[c][1:]
		h.mu.Unlock()
		h.deliver(p)
	}
}

func (h *pushHub) deliver(p *queuedPush) {
	h.s.host.Wait(context.Background(), p.after)
	for try := 0; ; try++ {
		sent, reply, err := h.post(p)
		last := err == nil || try == len(h.s.cfg.pushRetry) || h.s.host.Context().Err() != nil
		h.mu.Lock()
		h.attempts++
		r := p.record
		r.Attempts, r.Status, r.Code, r.Err, r.Done = try+1, reply.Status, reply.Code, err, last
		if r.Body != "" { // still one of those that are kept
			r.Answer = string(reply.Body[:min(len(reply.Body), keptAnswer)])
		}
		if sent != "" {
			r.URL = sent
		}
		if last {
			if h.open--; h.open == 0 {
				close(h.idle)
			}
		}
		h.mu.Unlock()
		if last {
			return
		}
		h.s.host.Wait(context.Background(), h.s.cfg.pushRetry[try])
	}
}

// post sends a push once, with a new time stamp and signature; all parameters of the
// address are signed, sorted by name (assumption).
func (h *pushHub) post(p *queuedPush) (sent string, reply pushsend.Reply, err error) {
	ctx, cancel := context.WithTimeout(h.s.host.Context(), pushTimeout)
	defer cancel()
	req, err := pushsend.Push{URL: p.url, Method: string(p.method), TS: h.s.Now(), Form: pushsend.Sorted, Body: p.body}.Request(ctx)
	if err != nil {
		return "", reply, err
	}
	sent = masked(req.URL.String())
	reply, err = pushsend.Do(h.client, req)
	switch {
	case err != nil:
	case reply.Status != http.StatusOK:
		err = fmt.Errorf("HTTP status %d", reply.Status)
	case !reply.OK():
		err = fmt.Errorf("answered code %q, not 0", reply.Code)
	}
	return sent, reply, err
}

// masked hides values of an address that look like secrets.
func masked(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "***"
	}
	if u.User != nil {
		u.User = url.User("***")
	}
	var parts []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, found := strings.Cut(part, "=")
		low := strings.ToLower(name)
		secret := len(value) >= 20
		for _, word := range []string{"sign", "token", "secret", "key", "password", "auth"} {
			secret = secret || strings.Contains(low, word)
		}
		if found && secret {
			part = name + "=***"
		}
		parts = append(parts, part)
	}
	u.RawQuery = strings.Join(parts, "&")
	return u.String()
}

// WaitPushes waits until every queued push has been delivered or given up.
func (s *Server) WaitPushes(ctx context.Context) error {
	for {
		s.pushes.mu.Lock()
		idle, open := s.pushes.idle, s.pushes.open
		s.pushes.mu.Unlock()
		if open == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("jushuitantest: WaitPushes: %d pushes open: %w", open, ctx.Err())
		}
	}
}

// Pushes returns the pushes so far, of all companies, oldest first.
func (s *Server) Pushes() []PushRecord {
	s.pushes.mu.Lock()
	defer s.pushes.mu.Unlock()
	out := make([]PushRecord, len(s.pushes.records))
	for i, r := range s.pushes.records {
		out[i] = *r
	}
	return out
}

func (h *pushHub) count(st *Stats) {
	h.mu.Lock()
	defer h.mu.Unlock()
	st.PushAttempts = h.attempts
	for _, r := range h.records {
		switch {
		case r.Delivered():
			st.Pushes++
		case r.Done:
			st.PushFailures++
		}
	}
}
