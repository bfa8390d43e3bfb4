package jushuitan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/dianjia/jushuitan-go/internal/pipeline"
	"github.com/dianjia/jushuitan-go/internal/redact"
)

// Client calls the open API for one app. It is safe for many goroutines. Make
// one with [New] and derive one for each merchant with [Client.ForMerchant].
type Client struct {
	Shops             *ShopService             // 店铺
	Warehouses        *WarehouseService        // 仓库
	Carriers          *CarrierService          // 物流公司
	Users             *UserService             // 商家用户
	Distribution      *DistributionService     // 分销
	Items             *ItemService             // 款式
	SKUs              *SKUService              // 普通商品
	ShopSKUs          *ShopSKUService          // 店铺商品
	Bundles           *BundleService           // 组合装
	Categories        *CategoryService         // 商品类目
	SupplierSKUs      *SupplierSKUService      // 商品供应商
	BOMs              *BOMService              // 物料清单
	Inventory         *InventoryService        // 库存
	Stocktakes        *StocktakeService        // 盘点
	VirtualWarehouses *VirtualWarehouseService // 虚拟仓
	Orders            *OrderService            // 订单
	Outbounds         *OutboundService         // 销售出库单
	Waves             *WaveService             // 拣货批次
	Logistics         *LogisticService         // 物流
	AfterSales        *AfterSaleService        // 售后单
	Purchases         *PurchaseService         // 采购单
	Suppliers         *SupplierService         // 供应商
	Manufactures      *ManufactureService      // 加工单
	Receipts          *ReceiptService          // 采购入库
	Appointments      *AppointmentService      // 预约入库
	PurchaseReturns   *PurchaseReturnService   // 采购退货
	OtherInOuts       *OtherInOutService       // 其它出入库
	SerialNumbers     *SerialNumberService     // 唯一码
	Transfers         *TransferService         // 调拨
	CrossBorder       *CrossBorderService      // 跨境
	Finance           *FinanceService          // 财务
	SortingWall       *SortingWallService      // 播种墙
	QuickSale         *QuickSaleService        // 快销
	Bins              *BinService              // 仓位
	Packing           *PackingService          // 装箱
	Checkout          *CheckoutService         // 发货
	WorkLogs          *WorkLogService          // WMS 工作日志
	WorkOrders        *WorkOrderService        // 工单

	common   service
	core     *core
	merchant string
	token    string // fixed, never renewed
}

// service is what every service holds.
type service struct{ client *Client }

// core is shared by the clients of all merchants.
type core struct {
	cred        Credentials
	baseURL     *url.URL
	authorize   *url.URL
	tokenPrefix string
	http        *http.Client
	limiter     Limiter
	tokens      *tokenSource
	retry       RetryPolicy
	timeout     time.Duration
	maxBody     int64
	prefetch    int
	now         func() time.Time
	hooks       []Hook
	unchecked   bool
	dryRun      func(DryCall)
	onDrift     func(Drift)
	paths       map[*Operation]string // other than the usual ones
}

// New makes a client of an app. It sends nothing.
func New(cred Credentials, opts ...Option) (*Client, error) {
	s := settings{
		baseURL: ProductionURL, authorize: AuthorizePageURL, tokenPrefix: "/openWeb",
		timeout: 90 * time.Second, maxBody: 32 << 20, now: time.Now, prefetch: 4,
	}
	for _, opt := range opts {
		if err := opt(&s); err != nil {
			return nil, fmt.Errorf("jushuitan: New: %w", err)
		}
	}
	if cred.AppKey == "" || cred.AppSecret == "" {
		return nil, errors.New("jushuitan: New: AppKey and AppSecret are needed / 缺少 AppKey 或 AppSecret")
	}
	c := &core{cred: cred, tokenPrefix: s.tokenPrefix, timeout: s.timeout, maxBody: s.maxBody, now: s.now, prefetch: s.prefetch, hooks: s.hooks, unchecked: s.unchecked, dryRun: s.dryRun, onDrift: s.onDrift, paths: s.paths}
	var err error
	if c.baseURL, err = parseHost("base URL", s.baseURL); err != nil {
		return nil, fmt.Errorf("jushuitan: New: %w", err)
	}
	if c.authorize, err = parseHost("authorise URL", s.authorize); err != nil {
		return nil, fmt.Errorf("jushuitan: New: %w", err)
	}
	c.retry = RetryPolicy(pipeline.Policy(s.retry).WithDefaults())
	c.http = pipeline.Client(s.httpClient)
	if c.limiter = s.limiter; c.limiter == nil {
		if c.limiter, err = NewLimiter(LimiterConfig{Quotas: s.quotas}); err != nil {
			return nil, fmt.Errorf("jushuitan: New: %w", err)
		}
	}
	if s.store == nil {
		s.store = NewMemoryTokenStore()
	}
	client := &Client{core: c, token: s.token}
	client.bind()
	c.tokens = newTokenSource(tokenConfig{
		AppKey: cred.AppKey, Store: s.store, Now: s.now, SelfBuilt: cred.Type == SelfBuilt,
		Obtain: client.obtain, OnReauthorize: s.onReauth,
	})
	return client, nil
}

// ForMerchant gives a client that calls for one merchant (the host's own id for
// it, such as entId): with that merchant's token, under its own quota. It is
// cheap and shares everything else. A self-built app has one company behind it, so
// that one id, or none, is enough for it: each further id would get a token of its
// own, which may end the one before.
func (c *Client) ForMerchant(id string) *Client {
	d := &Client{core: c.core, merchant: id}
	d.bind()
	return d
}

// WithToken gives a client that calls with this access token, which is never
// renewed: a refusal is [ErrTokenExpired].
func (c *Client) WithToken(accessToken string) *Client {
	d := &Client{core: c.core, merchant: c.merchant, token: accessToken}
	d.bind()
	return d
}

// pathOf is the path under which an operation is called.
func (c *Client) pathOf(op *Operation) string {
	if path, ok := c.core.paths[op]; ok {
		return path
	}
	return op.Path
}

// Merchant is the id given to [Client.ForMerchant].
func (c *Client) Merchant() string { return c.merchant }

// limitKey names the quota of a path: the server counts for each token.
func (c *Client) limitKey(path string) LimitKey {
	key := LimitKey{AppKey: c.core.cred.AppKey, Merchant: c.merchant, Path: path}
	if c.token != "" {
		sum := sha256.Sum256([]byte(c.token))
		key.Merchant += "#" + hex.EncodeToString(sum[:6])
	}
	return key
}

// String names the client without its secrets.
func (c *Client) String() string {
	return fmt.Sprintf("jushuitan.Client{%s merchant %q}", c.core.baseURL.Host, c.merchant)
}

// Format prints [Client.String] for every verb.
func (c *Client) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(c.String())) }

// LogValue is the client for slog.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Format prints the credentials without the secret.
func (c Credentials) Format(s fmt.State, verb rune) { redact.Format(s, verb, c) }

// LogValue is the credentials for slog, without the secret.
func (c Credentials) LogValue() slog.Value { return redact.LogValue(c) }

// obtain asks for a token, see token.go. It uses the fixed merchant's quota.
func (c *Client) obtain(ctx context.Context, merchant string, old Token) (Token, error) {
	m := c.ForMerchant(merchant)
	if old.RefreshToken != "" {
		tok, err := m.refreshToken(ctx, old.RefreshToken)
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrSign) || errors.Is(err, ErrIPNotAllowed) {
			return tok, err
		}
	}
	return m.initToken(ctx)
}
