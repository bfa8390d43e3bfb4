package browser

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestShipByClick: an operator registers the host's address, places an order, enters
// it to the warehouse and ships it, each by a click; the host's program prints the
// push.
func TestShipByClick(t *testing.T) {
	box := openSandbox(t)
	host := start(t, "receive-callbacks", "-listen", "127.0.0.1:0", "-storage-code", mallShop)
	address := host.line(`(http://127\.0\.0\.1:\d+\S*delivery_callback\S*)`)[1]

	p := window(t, 1400, 900)
	p.open(box)
	p.do(chromedp.SetValue(`#register select[name=shop]`, mallShop), chromedp.SetValue(`#register select[name=method]`, "logistics.upload"))
	p.fill(`#register input[name=url]`, address)
	p.click("#register", "Register")
	p.text("#addresses article", "Shipment")
	p.do(chromedp.SetValue(`#new-order select[name=shop]`, mallShop))
	p.click("#new-order", "Place order")
	p.click("#orders article", "Assign")
	p.fill(`#outbounds article input[name=waybill]`, "CLICK-0001")
	p.click("#outbounds article", "Ship")
	host.line(`push logistics.upload .*storageCode=` + mallShop + `: .* by \S+ CLICK-0001: \S+ x1$`)

	// The page shows it too, without the token of the address.
	p.text("#orders article .status", "sent")
	p.text("#pushes article .status.good", "Shipment")
	page := run(p, chromedp.OuterHTML("html"))
	token := regexp.MustCompile(`jstToken=([^&\s]+)`).FindStringSubmatch(address)
	require.NotNil(t, token, "the registered address has a token")
	assert.NotContains(t, page, token[1])
}

// TestPartAndCancel: an order of two lines is placed and shipped in two parcels, and
// another one is cancelled.
func TestPartAndCancel(t *testing.T) {
	box := openSandbox(t)
	host := box.listen(t)
	p := window(t, 1400, 900)
	p.open(box)
	p.do(chromedp.SetValue(`#new-order select[name=shop]`, mallShop))
	p.fill(`#new-order input[name=so]`, "PART-1")
	p.press("#new-order", "Add a line")
	p.do(
		chromedp.SetValue(`#new-order .line:nth-child(1) select`, "TEE24-WHT-M"), chromedp.SetValue(`#new-order .line:nth-child(1) input[name=qty]`, "3"),
		chromedp.SetValue(`#new-order .line:nth-child(2) select`, "CAP24-RED"),
	)
	p.click("#new-order", "Place order")
	p.click("#orders article", "Audit")
	p.fill(`#outbounds article input[data-key$="#TEE24-WHT-M"]`, "1")
	p.fill(`#outbounds article input[data-key$="#CAP24-RED"]`, "0")
	p.fill(`#outbounds article input[name=waybill]`, "PART-A")
	p.click("#outbounds article", "Ship")
	host.line(`PART-1 by \S+ PART-A: TEE24-WHT-M x1$`)
	p.text("#outbounds article", "TEE24-WHT-M × 3 (shipped 1)")
	p.text("#outbounds article .status", "awaits shipping")
	p.text("#orders article .status", "delivering")
	assert.Empty(t, p.eval(`[...document.querySelectorAll("#orders button")].filter((b) => ["Cancel", "Assign"].includes(b.textContent)).join()`), "what is shipped in part is not cancelled")

	p.click("#outbounds article", "Ship") // the rest, under the suggested waybill
	host.line(`PART-1 by \S+ SB\S+-2: TEE24-WHT-M x2, CAP24-RED x1$`)
	p.text("#outbounds article .status", "shipped")

	box.order(t, "CANCEL-1", "CAP24-RED", 1)
	p.click(`#orders article:first-child`, "Cancel")
	host.line(`push cancel.order .*: CANCEL-1$`)
	p.text("#orders article .status.bad", "cancelled")
	p.text("#pushes article .status.good", "Cancel")
}

// TestReturn: a return that the host uploaded is received, and the receipt is revoked.
func TestReturn(t *testing.T) {
	box := openSandbox(t)
	host := box.listen(t)
	box.sent(t, "SOLD-1", "TEE24-WHT-L", 2)
	_, err := box.client(t).AfterSales.Upload(t.Context(), []jushuitan.AfterSaleUpload{{
		ShopID: 10200077, SoID: "SOLD-1", OuterASID: "RET-1", Type: "普通退货", ShopStatus: "WAIT_BUYER_RETURN_GOODS", Remark: "尺码不合适",
		GoodStatus: jushuitan.GoodStatusBuyerReturnedGoods, QuestionType: "七天无理由退货", TotalAmount: decimal.NewFromInt(59), Refund: decimal.NewFromInt(59),
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: "TEE24-WHT-L", Qty: decimal.NewFromInt(1), Amount: decimal.NewFromInt(59), Type: jushuitan.AfterSaleTypeReturn}},
	}})
	require.NoError(t, err)
	p := window(t, 1400, 900)
	p.open(box)
	p.text("#aftersales article .status", "returned by the buyer")
	p.click("#aftersales article", "Receive")
	host.line(`push refund.goods .*: RET-1 确认收货 SOLD-1: TEE24-WHT-L x1$`)
	p.text("#aftersales article .status", "received by the seller")
	p.text("#aftersales article", "(received 1)")
	assert.Equal(t, "1", p.eval(`document.querySelector('[data-stock="10100001 TEE24-WHT-L"] td[data-label="Return slot"]').textContent`))
	p.click("#aftersales article", "Undo receipt")
	host.line(`push refund.goods .*: RET-1 取消收货 SOLD-1: TEE24-WHT-L x1$`)
	p.text("#aftersales article .status", "returned by the buyer")
}

// TestStock: stock is changed in the table and in the form, the host receives a push, and a
// client reads the new stock.
func TestStock(t *testing.T) {
	box := openSandbox(t)
	host := box.listen(t)
	p := window(t, 1400, 900)
	p.open(box)
	p.fill(`[data-stock="10100001 CAP24-RED"] input`, "7")
	p.click(`[data-stock="10100001 CAP24-RED"]`, "Save")
	p.do(chromedp.SetValue(`#set-stock select[name=warehouse]`, "10100088"))
	p.fill(`#set-stock input[name=sku]`, "CAP24-RED")
	p.fill(`#set-stock input[name=qty]`, "2.5")
	p.click("#set-stock", "Set stock")
	p.do(chromedp.WaitVisible(`[data-stock="10100088 CAP24-RED"]`))
	p.do(chromedp.SetValue(`#push-stock select[name=shop]`, mallShop))
	p.click("#push-stock", "Push stock")
	host.line(`push inventory.upload .*storageCode=10100001: 3 rows: .*CAP24-RED=7$`)
	for warehouse, want := range map[int64]string{10100001: "7", 10100088: "2.5"} {
		page, err := box.client(t).Inventory.Query(t.Context(), &jushuitan.InventoryQuery{WMSCoID: warehouse, SKUIDs: jushuitan.CommaList{"CAP24-RED"}})
		require.NoError(t, err)
		require.Len(t, page.Rows, 1)
		assert.Equal(t, want, page.Rows[0].Qty.String())
	}

	// If no address is registered, the refusal is explained in words.
	p = window(t, 1400, 900, "409")
	p.open(box)
	p.do(chromedp.SetValue(`#push-stock select[name=shop]`, "10200001"))
	p.press("#push-stock", "Push stock")
	p.settle()
	p.text("#notice.bad", "Push stock: failed: shop 10200001 has no push address for inventory.upload: register one")
}

// TestWrongs: tokens expire and faults occur when the operator says so, and the log shows
// it.
func TestWrongs(t *testing.T) {
	box := openSandbox(t)
	client := box.client(t)
	shops := func() error {
		_, err := client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
		return err
	}
	require.NoError(t, shops())
	p := window(t, 1400, 900)
	p.open(box)
	p.text("#requests article .status.good", "✓ 0")

	p.do(chromedp.SetValue(`#inject select[name=kind]`, "refuse"))
	p.wait(`!document.querySelector("#inject input[name=code]").closest("label").hidden`)
	p.fill(`#inject input[name=code]`, "130")
	p.fill(`#inject input[name=msg]`, "by the operator")
	p.fill(`#inject input[name=path]`, "/open/shops/query")
	p.click("#inject", "Inject")
	p.text("#faults article", "by the operator")
	require.ErrorContains(t, shops(), "by the operator")
	p.text("#requests article", "by the operator")
	p.text("#requests article .status.bad", "✗ 130")
	p.text("#faults .empty", "No active fault")

	p.do(chromedp.SetValue(`#inject select[name=kind]`, "throttle"))
	p.fill(`#inject input[name=path]`, "")
	p.fill(`#inject input[name=times]`, "0")
	p.click("#inject", "Inject")
	p.text("#faults article", "all paths")
	require.ErrorIs(t, shops(), jushuitan.ErrRateLimited)
	p.click("#inject", "Clear all")
	p.text("#faults .empty", "No active fault")
	p.text("#facts", "1 throttled")

	p.click(".tools", "Expire tokens")
	_, err := client.Warehouses.Query(t.Context(), &jushuitan.WarehouseQuery{})
	require.ErrorIs(t, err, jushuitan.ErrTokenExpired)
	p.text("#requests article .status.bad", "✗ 100")
}

// TestMasked: what a client uploaded and received is shown without personal data.
func TestMasked(t *testing.T) {
	box := openSandbox(t)
	client := box.client(t)
	price := decimal.NewFromInt(59)
	_, err := client.Orders.Upload(t.Context(), []jushuitan.OrderUpload{{
		ShopID: 10200077, SoID: "MASK-1", OrderDate: time.Now(), ShopStatus: jushuitan.ShopStatusWaitSellerSendGoods, ShopBuyerID: "buyer-nickname",
		ReceiverState: "浙江省", ReceiverCity: "杭州市", ReceiverDistrict: "某区", ReceiverAddress: "某路99号", ReceiverName: "某某人", ReceiverMobile: "13911112222",
		PayAmount: price, Items: []jushuitan.OrderUploadItem{{SKUID: "CAP24-RED", ShopSKUID: "CAP24-RED", Name: "棒球帽", Qty: decimal.NewFromInt(1), Price: price, BasePrice: price, Amount: price, OuterOIID: "MASK-1-1"}},
		Pay: &jushuitan.OrderUploadPay{OuterPayID: "P-1", PayDate: time.Now(), Payment: "支付宝", SellerAccount: "seller-account", BuyerAccount: "payer-account", Amount: price},
	}})
	require.NoError(t, err)
	found, err := client.Orders.Query(t.Context(), &jushuitan.OrderQuery{SoIDs: []string{"MASK-1"}})
	require.NoError(t, err)
	require.Len(t, found.Orders, 1)
	require.Equal(t, "某某人", found.Orders[0].ReceiverName, "the client itself sees people")

	p := window(t, 1400, 900)
	p.open(box)
	p.wait(`document.querySelectorAll("#requests details").length >= 2`)
	p.eval(`document.querySelectorAll("#requests details").forEach((d) => { d.open = true; }), ""`)
	log := run(p, chromedp.Text("#requests"))
	assert.Contains(t, log, "MASK-1-1", "what was sent is shown")
	assert.Contains(t, log, `"receiver_name": "***"`)
	page := run(p, chromedp.OuterHTML("html"))
	for _, private := range []string{"buyer-nickname", "某路99号", "某某人", "13911112222", "payer-account", "seller-account", box.AppSecret, box.AccessToken} {
		assert.NotContains(t, page, private)
	}
}

// furnish adds to the sandbox a document of every kind and state that the page shows.
func furnish(t *testing.T, box sandbox) {
	t.Helper()
	box.post(t, "push-addresses", map[string]any{"shop_id": 10200001, "method": "cancel.order", "url": "http://127.0.0.1:9/cancal_callback?entId=10010&storageCode=10200001&token=0123456789abcdef"})
	box.post(t, "orders", map[string]any{"shop_id": 10200001, "so_id": "P-1", "unpaid": true, "items": []any{map[string]any{"sku_id": "CAP24-RED", "qty": 1, "price": 39}}})
	gone := box.post(t, "orders", map[string]any{"shop_id": 10200001, "so_id": "P-2", "items": []any{map[string]any{"sku_id": "CAP24-RED", "qty": 1, "price": 39}}})
	box.post(t, "orders/"+gone+"/cancel", map[string]any{}) // its push reaches nobody
	box.order(t, "A-1", "TEE24-WHT-M", 1)
	box.sent(t, "A-2", "TEE24-WHT-M", 1)
	part := box.order(t, "A-3", "TEE24-WHT-M", 3, "TEE24-WHT-L", 2)
	ioID := box.post(t, "orders/"+part+"/assign", map[string]any{"wms_co_id": 10100099})
	box.post(t, "outbounds/"+ioID+"/ship", map[string]any{"lc_id": "YTO", "l_id": "YT3000000001", "lines": map[string]any{"TEE24-WHT-M": 1}})
	client := box.client(t)
	_, err := client.AfterSales.Upload(t.Context(), []jushuitan.AfterSaleUpload{{
		ShopID: 10200077, SoID: "A-2", OuterASID: "RET-1", Type: "普通退货", ShopStatus: "WAIT_BUYER_RETURN_GOODS", Remark: "r", GoodStatus: jushuitan.GoodStatusBuyerReturnedGoods, QuestionType: "七天无理由退货",
		Items: []jushuitan.AfterSaleUploadItem{{SKUID: "TEE24-WHT-M", Qty: decimal.NewFromInt(1), Type: jushuitan.AfterSaleTypeReturn}},
	}})
	require.NoError(t, err)
	_, err = client.Transfers.UploadCrossWarehouse(t.Context(), []jushuitan.CrossTransferUpload{{
		SoID: "TR-1", GoCoID: 10100001, Warehouse: 1, LinkCoID: 10100099, LinkWarehouse: 1,
		Items: []jushuitan.CrossTransferUploadItem{{SKUID: "CAP24-RED", Qty: decimal.NewFromInt(5)}},
	}})
	require.NoError(t, err)
	box.post(t, "faults", map[string]any{"kind": "http-5xx", "path": "/open/shops/query", "times": 1})
	_, err = client.Shops.Query(t.Context(), &jushuitan.ShopQuery{})
	require.Error(t, err)
	box.post(t, "faults", map[string]any{"kind": "slow", "seconds": 2, "times": 3})
}

// Scripts that examine the page; each returns the problems, one per line.
const (
	// unnamed: fields and buttons that a screen reader has no name for.
	unnamed = `[...document.querySelectorAll("input, select, button, a, summary")].filter((e) => !e.closest("[hidden]") &&
		!(e.getAttribute("aria-label") || e.labels?.[0]?.textContent.trim() || (/BUTTON|A|SUMMARY/.test(e.tagName) && e.textContent.trim()))).map((e) => e.outerHTML).join("\n")`
	// foreign: texts of the page itself, not of documents, in the other language.
	foreign = `((han) => [...document.querySelectorAll("h1, h2, th, summary, button:not(#language), a, .empty, .hint, dt, dd, label > span, .status, #facts, #inject option, #register select[name=method] option, #advance option")]
		.filter((e) => e.textContent.trim() && !/^[A-Z0-9-]+ \((left|待发|bought|已购) \d+\)$|^[✓✗…] (\d+|HTTP \d+)$|^HTTP 5xx$/.test(e.textContent.trim()) && /\p{Script=Han}/u.test(e.textContent) !== han).map((e) => e.outerHTML).join("\n"))`
	// faint: texts whose contrast with their background is below 4.5 to 1.
	faint = `(() => {
		const parts = (c) => c.match(/[\d.]+/g).map(Number);
		const light = (c) => { const [r, g, b] = parts(c).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
		const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if ((parts(c)[3] ?? 1) > 0) return c; } return "rgb(255, 255, 255)"; };
		const wrong = [];
		for (const e of document.querySelectorAll("body *")) {
			if (!e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && e.tagName !== "INPUT") continue;
			const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
			if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) wrong.push(e.outerHTML);
		}
		return wrong.join("\n");
	})()`
	// cut: buttons, fields, states and headers of columns that extend beyond the window, their
	// section or their column; of the links, which can be scrolled sideways, those to the logs.
	cut = `[...document.querySelectorAll('main button, main input, main select, main .status, main th, header *, nav a[href="#pushes"], nav a[href="#requests"]')].filter((e) => {
		if (!e.checkVisibility()) return false;
		const r = e.getBoundingClientRect(), s = (e.closest("section") ?? document.documentElement).getBoundingClientRect();
		return r.left < s.left - 1 || r.right > s.right + 1 || e.tagName === "TH" && e.scrollWidth > e.clientWidth;
	}).map((e) => e.outerHTML).join("\n")`
	// wrapped: the parts of the header that are not on one line, and neighbouring headers of
	// columns whose texts are less than 8 pixels apart. They are looked at in wide windows.
	wrapped = `(() => {
		const wrong = [...document.querySelectorAll(".tools > *, h1")].filter((e) => Math.abs((e.getBoundingClientRect().top + e.getBoundingClientRect().bottom) / 2 - 24) > 12).map((e) => e.outerHTML);
		const text = (e) => { const range = document.createRange(); range.selectNodeContents(e); return range.getBoundingClientRect(); };
		const heads = [...document.querySelectorAll("#stock th")];
		heads.slice(1).forEach((e, i) => { if (text(e).left - text(heads[i]).right < 8) wrong.push(heads[i].textContent + " | " + e.textContent); });
		return wrong.join("\n");
	})()`
)

// TestPage: the page, empty and with documents, in a wide and in a narrow window,
// light and dark, in both languages: nothing is cut off, faint, unnamed or in the
// other language.
func TestPage(t *testing.T) {
	empty, full := openSandbox(t), openSandbox(t)
	furnish(t, full)
	for _, tt := range []struct {
		name   string
		box    sandbox
		width  int64
		height int64
		scheme string
	}{
		{"wide and empty", empty, 1400, 900, "light"},
		{"wide", full, 1400, 900, "light"},
		{"laptop", full, 1280, 800, "light"},
		{"wide and dark", full, 1400, 900, "dark"},
		{"narrow", full, 390, 844, "light"},
		{"narrow and dark", full, 390, 844, "dark"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := window(t, tt.width, tt.height)
			p.scheme(tt.scheme)
			p.open(tt.box)
			if tt.box == full {
				p.text("#pushes article .status.bad", "Cancel")
			}
			for range 2 {
				chinese := p.eval(`document.documentElement.lang`) == "zh-CN"
				if chinese {
					p.text("h1", "聚水潭沙箱 · 运营台")
				} else {
					p.text("h1", "Jushuitan sandbox · operator")
				}
				assert.Empty(t, p.eval(foreign+map[bool]string{true: "(true)", false: "(false)"}[chinese]), "in the other language")
				assert.Empty(t, p.eval(unnamed), "without a name")
				assert.Empty(t, p.eval(faint), "too faint")
				assert.Empty(t, p.eval(cut), "cut off")
				if tt.width > 1000 {
					assert.Empty(t, p.eval(wrapped), "wrapped or too near")
				}
				assert.False(t, run(p, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)), "the page is wider than the window")
				p.do(chromedp.Click("#language"))
				p.wait(`document.documentElement.lang !== ` + map[bool]string{true: `"zh-CN"`, false: `"en"`}[chinese])
				p.settle()
				p.wait(`document.querySelector("#requests .list").children.length > 0`)
			}
		})
	}
}

// TestKeyboard: without a mouse the operator audits an order and keeps the focus on it;
// text typed elsewhere is not lost when documents change.
func TestKeyboard(t *testing.T) {
	box := openSandbox(t)
	first := box.order(t, "KEY-1", "CAP24-RED", 1)
	other := box.order(t, "KEY-2", "TEE24-WHT-M", 2)
	box.post(t, "orders/"+other+"/audit", map[string]any{})
	p := window(t, 1400, 900)
	p.open(box)
	p.fill(`#outbounds input[name=waybill]`, "TYPED-1")
	p.do(chromedp.Focus(`#orders article[data-order="`+first+`"] button`), chromedp.KeyEvent("\r"))
	p.wait(`document.querySelectorAll("#outbounds article").length === 2`)
	p.settle()
	assert.Equal(t, first, p.eval(`document.activeElement.closest("article")?.dataset.order ?? document.activeElement.outerHTML`))
	assert.Equal(t, "TYPED-1", p.eval(`document.querySelector("#outbounds article:last-child input[name=waybill]").value`))
}

// TestOtherOrigin: a page of another origin cannot use the console through the browser.
func TestOtherOrigin(t *testing.T) {
	box := openSandbox(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>elsewhere</title><link rel=icon href=data:,>")
	}))
	defer other.Close()
	p := window(t, 800, 600, "403")
	p.do(chromedp.Navigate(other.URL))
	before := orders(t, box)
	run(p, chromedp.Evaluate[string](`fetch(`+quote(box.URL+"/_sandbox/orders")+`, {method: "POST", mode: "no-cors",
		body: '{"shop_id":10200077,"items":[{"sku_id":"CAP24-RED","qty":1}]}'}).then(r => r.type, () => "refused")`, chromedp.EvalAwaitPromise))
	require.Equal(t, before, orders(t, box), "no order came of it")
}

// orders counts the orders of a sandbox.
func orders(t *testing.T, box sandbox) int {
	t.Helper()
	var state struct {
		Orders []struct{} `json:"orders"`
	}
	require.NoError(t, json.Unmarshal([]byte(box.get(t, "state")), &state))
	return len(state.Orders)
}
