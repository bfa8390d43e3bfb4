package qimentest

import (
	"errors"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
)

// Option configures a [Server].
type Option func(*config) error

type config struct {
	erp       *jushuitantest.Server
	appKey    string
	appSecret string
	target    string
	routing   string
	timeout   time.Duration
	customers map[string]string // customer id -> merchant
	dialects  []Dialect
}

// DefaultCustomer is the customer id (奇门客户编码) that every server knows: that of the
// default company.
const DefaultCustomer = "10000001"

// These open nothing but a fake.
const (
	demoKey        = "20000001"
	demoSecret     = "demosecret0000000000000000000002"
	demoPartner    = "demopartner"
	demoPartnerKey = "demopartnerkey000000000000000001"
)

func defaults() config {
	return config{
		appKey: demoKey, appSecret: demoSecret, target: qimen.JushuitanAppKey, timeout: 30 * time.Second,
		customers: map[string]string{DefaultCustomer: ""},
	}
}

// WithERP answers the scene from the state of erp and uses its clock. Without this option the
// server creates a fake Jushuitan of its own, [Server.ERP], which it closes with itself.
func WithERP(erp *jushuitantest.Server) Option {
	return func(c *config) error {
		if erp == nil {
			return errors.New("WithERP: nil")
		}
		c.erp = erp
		return nil
	}
}

// WithApp sets the app that may call, a demo app by default.
func WithApp(appKey, appSecret string) Option {
	return func(c *config) error {
		if appKey == "" || appSecret == "" {
			return errors.New("WithApp: the key and the secret are required")
		}
		c.appKey, c.appSecret = appKey, appSecret
		return nil
	}
}

// WithTargetAppKey sets the target app key that calls of the scene and of the POS
// methods must name, [qimen.JushuitanAppKey] by default.
func WithTargetAppKey(appKey string) Option {
	return func(c *config) error {
		if appKey == "" {
			return errors.New("WithTargetAppKey: empty")
		}
		c.target = appKey
		return nil
	}
}

// WithRoutingParam makes name the routing parameter of every method. By default it
// is customer_id for the scene, customerid for the POS methods and customerId for
// the standard ones; the wrong one is refused.
func WithRoutingParam(name string) Option {
	return func(c *config) error {
		if !isRouting(name) {
			return errors.New("WithRoutingParam: want customerId, customer_id or customerid")
		}
		c.routing = name
		return nil
	}
}

// WithCustomer makes id the customer id of a merchant, whose documents are those of
// [jushuitantest.Server.Company]. See also [Server.AddCustomer].
func WithCustomer(id, merchant string) Option {
	return func(c *config) error {
		if id == "" {
			return errors.New("WithCustomer: the id is missing")
		}
		c.customers[id] = merchant
		return nil
	}
}

// WithReceiverTimeout limits the time that a receiver may take to answer, 30 s by
// default.
func WithReceiverTimeout(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return errors.New("WithReceiverTimeout: the timeout must be positive")
		}
		c.timeout = d
		return nil
	}
}
