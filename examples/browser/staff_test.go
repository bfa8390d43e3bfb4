package browser

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReturnByClick: an operator makes a return of a shipped order and receives it.
func TestReturnByClick(t *testing.T) {
	box := openSandbox(t)
	host := box.listen(t)
	box.sent(t, "SOLD-1", "TEE24-WHT-L", 2)
	other := box.sent(t, "SOLD-2", "CAP24-RED", 1)
	p := window(t, 1400, 900)
	p.open(box)
	p.press(`#orders article[data-order="`+other+`"] ~ article`, "Return")
	p.text("#new-aftersale .line label", "TEE24-WHT-L (bought 2)")
	p.fill("#new-aftersale .line input", "1")
	p.click("#new-aftersale", "Create case")
	p.text("#aftersales article", "SOLD-1")
	p.text("#aftersales article .status", "returned by the buyer")
	p.click("#aftersales article", "Receive")
	host.line(`push refund.goods .* 确认收货 SOLD-1: TEE24-WHT-L x1$`)
	p.text("#aftersales article", "(received 1)")

	p.do(chromedp.SetValue("#new-aftersale select[name=order]", other), chromedp.SetValue("#new-aftersale select[name=type]", "仅退款"))
	p.text("#new-aftersale .line label", "CAP24-RED (bought 1)")
	p.click("#new-aftersale", "Create case")
	p.text("#aftersales article:first-child", "refund only")
	assert.Equal(t, "", p.eval(`[...document.querySelectorAll("#aftersales article:first-child button")].map((b) => b.textContent).join()`), "no goods come back")
}

// TestDocumentsByClick: goods move between warehouses, and in and out, all by clicks.
func TestDocumentsByClick(t *testing.T) {
	box := openSandbox(t)
	p := window(t, 1400, 900)
	p.open(box)
	p.unfold("#new-transfer")
	p.do(chromedp.SetValue("#new-transfer select[name=link]", "10100099"), chromedp.SetValue("#new-transfer .line select", "CAP24-RED"))
	p.fill("#new-transfer .line input[name=qty]", "5")
	p.press("#new-transfer", "Add a line")
	p.do(chromedp.SetValue("#new-transfer .line:nth-child(2) select", "TEE24-WHT-L"))
	p.click("#new-transfer", "Create transfer")
	p.text("#documents article", "青禾总仓 → 青禾华南仓")
	p.fill(`#documents article input[data-key$="#CAP24-RED"]`, "4")
	p.click("#documents article", "Ship transfer")
	p.text(`[data-stock="10100001 CAP24-RED"] td`, "0")
	assert.Equal(t, "96", p.stock("10100001 CAP24-RED"))
	p.fill(`#documents article input[data-key$="/receive#CAP24-RED"]`, "3")
	p.click("#documents article", "Receive transfer")
	assert.Equal(t, "53", p.stock("10100099 CAP24-RED"))
	assert.Equal(t, "51", p.stock("10100099 TEE24-WHT-L"))

	p.unfold("#new-other")
	for i, step := range []struct{ kind, qty, want string }{{"in", "7", "103"}, {"out", "3", "100"}} {
		p.do(chromedp.SetValue("#new-other select[name=type]", step.kind), chromedp.SetValue("#new-other .line select", "CAP24-RED"))
		p.fill("#new-other .line input[name=qty]", step.qty)
		p.click("#new-other", "Create document")
		p.click("#documents article", "Confirm")
		assert.Equal(t, step.want, p.stock("10100001 CAP24-RED"), i)
	}

	// What there is not, is refused with the reason.
	p = window(t, 1400, 900, "409")
	p.open(box)
	p.unfold("#new-other")
	p.do(chromedp.SetValue("#new-other select[name=type]", "out"), chromedp.SetValue("#new-other select[name=slot]", "4"))
	p.click("#new-other", "Create document")
	p.press("#documents article", "Confirm")
	p.text("#notice.bad", "not enough stock of TEE24-WHT-M: 1 needed, 0 there")
}

// TestNothingPushed: a shop without an address is named, and the address is one click away;
// the log then shows the message and the answer.
func TestNothingPushed(t *testing.T) {
	box := openSandbox(t)
	host := start(t, "receive-callbacks", "-listen", "127.0.0.1:0", "-storage-code", mallShop)
	address := host.line(`(http://127\.0\.0\.1:\d+\S*delivery_callback\S*)`)[1]
	for _, soID := range []string{"SILENT-1", "TOLD-1"} {
		box.post(t, "orders/"+box.order(t, soID, "CAP24-RED", 1)+"/audit", map[string]any{})
	}
	p := window(t, 1400, 900)
	p.open(box)
	p.press("#outbounds article:last-child", "Ship")
	p.text("#notice.wait", "Nothing was pushed: 青禾微商城 has no push address for Shipment.")
	p.text("#pushes .empty", "No pushes yet")
	p.press("#notice", "Register one")
	assert.Equal(t, "url "+mallShop+" logistics.upload", p.eval(`[document.activeElement.name, document.querySelector("#register [name=shop]").value, document.querySelector("#register [name=method]").value].join(" ")`))
	p.do(chromedp.KeyEvent(address))
	p.click("#register", "Register")
	p.click("#outbounds article:first-child", "Ship")
	host.line(`push logistics.upload .*TOLD-1`)
	p.text("#pushes article .status.good", "Shipment")
	p.eval(`document.querySelector("#pushes details").open = true, ""`)
	p.text("#pushes details", `"so_id": "TOLD-1"`)
	p.text("#pushes details", `"code": "0"`)
}

// TestDoubleClick: the second click of a double click does nothing, neither the same again
// nor what the button does that has taken the place of the first.
func TestDoubleClick(t *testing.T) {
	box := openSandbox(t)
	p := window(t, 1400, 900)
	p.open(box)
	p.doubleClick("#new-order button[type=submit]")
	p.text("#notice.good", "Place order: done")
	p.doubleClick(`#orders article [data-key$="!audit"]`)
	p.text("#orders article .status", "delivering")
	p.settle()
	p.doubleClick("#outbounds article .ship")
	p.text("#outbounds article .status", "shipped")
	p.settle()
	assert.Equal(t, 1, orders(t, box))
	assert.Equal(t, "99", p.stock("10100001 TEE24-WHT-M"))

	// While an action is in progress it is not begun again, and a key that is held down
	// repeats nothing.
	p.eval(`(() => { const real = window.fetch; window.fetch = async (...args) => { if (args[1]?.method === "POST") await new Promise((go) => (window.held ??= []).push(go)); return real(...args); }; return ""; })()`)
	p.press("#new-order", "Place order")
	p.press("#new-order", "Place order")
	p.eval(`window.held.forEach((go) => go()), ""`)
	p.settle()
	p.eval(`document.querySelector("#new-order button[type=submit]").focus(), ""`)
	assert.Equal(t, "false", p.eval(`String(document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", repeat: true, bubbles: true, cancelable: true })))`))
	assert.Equal(t, "true", p.eval(`String(document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true })))`))
	assert.Equal(t, 2, orders(t, box))
}

// TestMoreThanThereIs: more than the stock is shipped only if the operator says so twice.
func TestMoreThanThereIs(t *testing.T) {
	box := openSandbox(t)
	box.post(t, "stock", map[string]any{"wms_co_id": 10100001, "sku_id": "CAP24-RED", "qty": 2})
	box.post(t, "orders/"+box.order(t, "MUCH-1", "CAP24-RED", 5)+"/audit", map[string]any{})
	p := window(t, 1400, 900)
	p.open(box)
	p.press("#outbounds article", "Ship")
	p.text("#ask[open] p", "青禾总仓: 2 of CAP24-RED in stock, 5 to ship. The stock will be negative.")
	p.press("#ask", "Go back")
	p.wait(`!document.querySelector("#ask").open`)
	p.text("#outbounds article .status", "awaits shipping")
	assert.Equal(t, "2", p.stock("10100001 CAP24-RED"))
	p.press("#outbounds article", "Ship")
	p.press("#ask", "Ship anyway")
	p.text("#outbounds article .status", "shipped")
	assert.Equal(t, "-3", p.stock("10100001 CAP24-RED"))
}

// TestDialectsByClick: dialects are added, ended one by one, and all at once.
func TestDialectsByClick(t *testing.T) {
	box := openSandbox(t)
	p := window(t, 1400, 900)
	p.open(box)
	speaking := func() string {
		var state struct {
			Dialects []struct{ Name string }
		}
		require.NoError(t, json.Unmarshal([]byte(box.get(t, "state")), &state))
		return fmt.Sprint(state.Dialects)
	}
	for _, name := range []string{"bom", "rows-at-root"} {
		p.do(chromedp.SetValue("#speak select", name))
		p.click("#speak", "Use")
	}
	assert.Equal(t, "[{bom} {rows-at-root}]", speaking())
	p.click(`[data-dialect="bom"]`, "Stop")
	assert.Equal(t, "[{rows-at-root}]", speaking())
	p.click("#speak", "Plain answers")
	assert.Equal(t, "[]", speaking())
	p.text("#dialects .empty", "answers have their documented form")
}

// TestNarrow: on a phone the links to the logs are always there, and the logs come before
// the stock.
func TestNarrow(t *testing.T) {
	box := openSandbox(t)
	furnish(t, box)
	p := window(t, 390, 844)
	p.open(box)
	p.do(chromedp.Click(`nav a[href="#stock"]`))
	for _, log := range []string{"#pushes", "#requests"} {
		p.do(chromedp.Click(`nav a[href="` + log + `"]`))
		p.wait(`((r) => r.top >= 0 && r.top < 400)(document.querySelector("` + log + `").getBoundingClientRect())`)
	}
	p.wait(`document.querySelector("#requests").getBoundingClientRect().bottom < document.querySelector("#stock").getBoundingClientRect().top`)
}
