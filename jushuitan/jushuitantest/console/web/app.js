"use strict";

// The texts of the page, Chinese and English.
const texts = {
  zh: {
    title: "聚水潭沙箱 · 运营台", other: "English", orders: "订单", outbounds: "销售出库单", aftersales: "售后单", stock: "库存",
    documents: "调拨与其它出入库", addresses: "推送地址", faults: "故障注入", places: "店铺与仓库", pushes: "推送日志", requests: "请求日志",
    shop: "店铺", sku: "商品编码", qty: "数量", unpaid: "待付款", placeOrder: "模拟下单", warehouse: "仓库", pushStock: "推送库存",
    kind: "类型", path: "接口路径", times: "次数（0 为一直）", inject: "注入", clear: "全部清除", register: "登记", expireTokens: "令牌失效", hourLater: "快进 1 小时",
    pay: "付款", audit: "审核", assign: "指定仓库", cancel: "取消", resolve: "转正常单", ship: "发货", carrier: "物流公司", waybill: "快递单号",
    receive: "确认收货", revoke: "取消收货", confirm: "确认", save: "保存", real: "实际库存", locked: "订单占有", virtual: "虚拟库存", returned: "销退仓", incoming: "进货仓",
    remove: "取消登记", done: "已完成", failed: "失败", remark: "沙箱取消", calls: "请求", pushed: "推送成功", throttled: "限流", offline: "沙箱没有响应",
    shipTransfer: "调拨出库", receiveTransfer: "调拨入库",
    "logistics.upload": "物流同步", "cancel.order": "取消订单", "inventory.upload": "库存同步", "refund.goods": "售后收货",
    WaitPay: "待付款", WaitConfirm: "待审核/待出库", Question: "异常", Delivering: "发货中", Sent: "已发货", Cancelled: "已取消", Confirmed: "已确认", Delete: "作废",
  },
  en: {
    title: "Jushuitan sandbox · operator", other: "中文", orders: "Orders", outbounds: "Outbound documents", aftersales: "After-sales", stock: "Stock",
    documents: "Transfers and other in/out", addresses: "Push addresses", faults: "Faults", places: "Shops and warehouses", pushes: "Push log", requests: "Request log",
    shop: "Shop", sku: "SKU", qty: "Quantity", unpaid: "unpaid", placeOrder: "Place an order", warehouse: "Warehouse", pushStock: "Push stock",
    kind: "Kind", path: "Path", times: "Times (0: always)", inject: "Inject", clear: "Clear all", register: "Register", expireTokens: "End tokens", hourLater: "One hour later",
    pay: "Pay", audit: "Audit", assign: "Assign", cancel: "Cancel", resolve: "Resolve", ship: "Ship", carrier: "Carrier", waybill: "Waybill",
    receive: "Receive", revoke: "Undo receipt", confirm: "Confirm", save: "Save", real: "Real", locked: "Held", virtual: "Virtual", returned: "Return slot", incoming: "Purchase slot",
    remove: "Remove", done: "Done", failed: "Failed", remark: "cancelled in the sandbox", calls: "calls", pushed: "pushed", throttled: "throttled", offline: "The sandbox does not answer",
    shipTransfer: "Ship transfer", receiveTransfer: "Receive transfer",
    "logistics.upload": "shipment", "cancel.order": "cancel", "inventory.upload": "stock", "refund.goods": "goods returned",
  },
};
const methods = ["logistics.upload", "cancel.order", "refund.goods", "inventory.upload"];

let language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
let shown = "";       // the state that is on the page, as text
let state = null;
let lastRequest = 0;
let firstOpenPush = 0; // pushes up to here are done and on the page
const merchant = new URLSearchParams(location.search).get("merchant") || "";

const t = (key) => texts[language][key] ?? key;
const find = (selector) => document.querySelector(selector);

// el makes an element. Text is set as text, never as markup.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((c) => c != null));
  return node;
}

const withMerchant = (path) => path + (path.includes("?") ? "&" : "?") + "merchant=" + encodeURIComponent(merchant);

async function call(path, body) {
  const init = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(withMerchant(path), init);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || response.status);
  return answer;
}

function notice(text, kind) {
  const node = find("#notice");
  node.textContent = text;
  node.className = kind;
  node.hidden = false;
}

// act runs an action of the operator and says how it went.
async function act(label, path, body = {}) {
  try {
    await call(path, body);
    notice(`${label}: ${t("done")}`, "good");
  } catch (err) {
    notice(`${label}: ${t("failed")}: ${err.message}`, "bad");
  }
  await refresh();
}

const button = (key, path, body, attributes = {}) =>
  el("button", { type: "button", onclick: () => act(t(key), path, typeof body === "function" ? body() : body), ...attributes }, t(key));

function status(text) {
  const kind = /^(Sent|Confirmed|Archive)$/.test(text) ? "good" : /^(Cancelled|Delete|Question)$/.test(text) ? "bad" : "wait";
  return el("span", { class: "status " + kind, title: text }, t(text));
}

const warehouseName = (id) => state.warehouses.find((w) => w.wms_co_id === id)?.name ?? (id ? String(id) : "");
const shopName = (id) => state.shops.find((s) => s.shop_id === id)?.name ?? String(id);
const lines = (list) => (list ?? []).map((l) => `${l.sku_id} × ${l.qty}` + (l.received ? ` (${l.received})` : "")).join("  ");

function options(select, pairs) {
  const chosen = select.value;
  select.replaceChildren(...pairs.map(([value, text]) => el("option", { value }, text)));
  if (pairs.some(([value]) => String(value) === chosen)) select.value = chosen;
}

function orderView(o) {
  const actions = el("div", { class: "actions" });
  const base = `orders/${o.o_id}/`;
  if (o.status === "WaitPay") actions.append(button("pay", base + "pay"));
  if (o.status === "Question") actions.append(button("resolve", base + "resolve"));
  if (o.status === "WaitConfirm") actions.append(button("audit", base + "audit"));
  if (o.status === "WaitConfirm" || o.status === "Delivering") {
    const select = el("select", { "aria-label": t("warehouse") }, ...state.warehouses.map((w) => el("option", { value: w.wms_co_id }, w.name)));
    actions.append(select, button("assign", base + "assign", () => ({ wms_co_id: Number(select.value) })));
  }
  if (!["Sent", "Cancelled"].includes(o.status)) actions.append(button("cancel", base + "cancel", () => ({ remark: t("remark") })));
  return el("article", { "data-order": o.o_id },
    el("div", { class: "head" }, el("strong", {}, String(o.o_id)), el("code", {}, o.so_id), status(o.status), el("span", { class: "muted" }, shopName(o.shop_id)), el("span", { class: "muted" }, warehouseName(o.wms_co_id)), o.l_id ? el("code", {}, `${o.lc_id} ${o.l_id}`) : null),
    el("div", { class: "muted" }, lines(o.lines)), actions);
}

function outboundView(o) {
  const article = el("article", { "data-outbound": o.io_id },
    el("div", { class: "head" }, el("strong", {}, String(o.io_id)), el("code", {}, o.so_id), status(o.status), el("span", { class: "muted" }, warehouseName(o.wms_co_id)), o.l_id ? el("code", {}, `${o.lc_id} ${o.l_id}`) : null),
    el("div", { class: "muted" }, lines(o.lines)));
  if (o.status !== "WaitConfirm") return article;
  const carrier = el("select", { "aria-label": t("carrier") }, ...(state.carriers.length ? state.carriers : [{ lc_id: "SF", name: "SF" }]).map((c) => el("option", { value: c.lc_id }, c.name)));
  const waybill = el("input", { "aria-label": t("waybill"), value: `SB${o.io_id}${Date.now() % 10000}`, size: 14 });
  const quantities = (o.lines ?? []).map((l) => [l.sku_id, el("input", { type: "number", min: 0, step: "any", value: l.qty, "aria-label": `${t("qty")} ${l.sku_id}`, title: l.sku_id })]);
  const body = () => {
    const all = quantities.every(([sku, input], i) => Number(input.value) === Number(o.lines[i].qty));
    const parcel = { lc_id: carrier.value, l_id: waybill.value };
    if (!all) {
      parcel.lines = {};
      for (const [sku, input] of quantities) if (Number(input.value) > 0) parcel.lines[sku] = input.value;
    }
    return parcel;
  };
  article.append(el("div", { class: "actions" }, carrier, waybill, ...quantities.map(([, input]) => input), button("ship", `outbounds/${o.io_id}/ship`, body, { class: "ship" })));
  return article;
}

function afterSaleView(a) {
  const base = `aftersales/${a.as_id}/`;
  return el("article", {},
    el("div", { class: "head" }, el("strong", {}, String(a.as_id)), el("code", {}, a.outer_as_id), el("span", {}, a.type), status(a.status), el("span", { class: "muted" }, a.good_status)),
    el("div", { class: "muted" }, lines(a.lines)),
    el("div", { class: "actions" }, a.status === "Cancelled" ? null : button("receive", base + "receive"), a.good_status === "SELLER_RECEIVED" ? button("revoke", base + "revoke") : null));
}

function documentView(kind, d) {
  const actions = el("div", { class: "actions" });
  if (kind === "transfers" && d.type === "调拨出" && d.status !== "Confirmed") actions.append(button("shipTransfer", `transfers/${d.io_id}/ship`));
  if (kind === "transfers" && d.type === "调拨入" && d.status !== "Confirmed") actions.append(button("receiveTransfer", `transfers/${d.io_id}/receive`));
  if (kind === "otherinouts" && d.status === "WaitConfirm") actions.append(button("confirm", `otherinouts/${d.io_id}/confirm`));
  return el("article", {},
    el("div", { class: "head" }, el("strong", {}, String(d.io_id)), el("span", {}, d.type), status(d.status), el("span", { class: "muted" }, d.link_warehouse ? `${d.warehouse} → ${d.link_warehouse}` : d.warehouse)),
    el("div", { class: "muted" }, lines(d.lines)), actions);
}

function stockTable() {
  const rows = state.stock.map((s) => {
    const input = el("input", { type: "number", step: "any", value: s.qty, "aria-label": `${t("real")} ${s.sku_id}` });
    return el("tr", {}, el("td", {}, warehouseName(s.wms_co_id)), el("td", {}, el("code", {}, s.sku_id)), el("td", { class: "number" }, input), el("td", { class: "number" }, s.order_lock), el("td", { class: "number" }, s.virtual_qty), el("td", { class: "number" }, s.return_qty), el("td", { class: "number" }, s.in_qty),
      el("td", {}, button("save", "stock", () => ({ wms_co_id: s.wms_co_id, sku_id: s.sku_id, qty: input.value }))));
  });
  if (!rows.length) return [];
  const head = el("tr", {}, ...["warehouse", "sku"].map((k) => el("th", {}, t(k))), ...["real", "locked", "virtual", "returned", "incoming"].map((k) => el("th", { class: "number" }, t(k))), el("th", {}));
  return [el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows))];
}

function render() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  find("#language").textContent = t("other");
  if (!state) return;
  // What the operator is typing in a list is not taken away.
  const typing = document.activeElement?.closest(".list") && /^(INPUT|SELECT)$/.test(document.activeElement.tagName);
  const shops = state.shops.map((s) => [s.shop_id, s.name]);
  for (const select of document.querySelectorAll("select[name=shop]")) options(select, shops);
  for (const select of document.querySelectorAll("select[name=warehouse]")) options(select, state.warehouses.map((w) => [w.wms_co_id, w.name]));
  options(find("#new-order select[name=sku]"), [...new Set(state.stock.map((s) => s.sku_id))].map((s) => [s, s]));
  options(find("#register select[name=method]"), methods.map((m) => [m, `${t(m)} ${m}`]));
  options(find("#inject select[name=kind]"), state.fault_kinds.map((k) => [k, k]));
  if (typing) return;
  const list = (id, nodes) => find(`#${id} .list`).replaceChildren(...nodes);
  list("orders", state.orders.map(orderView));
  list("outbounds", state.outbounds.map(outboundView));
  list("aftersales", state.after_sales.map(afterSaleView));
  list("documents", [...state.transfers.map((d) => documentView("transfers", d)), ...state.other_in_outs.map((d) => documentView("otherinouts", d))]);
  list("stock", stockTable());
  list("addresses", state.push_addresses.map((a) => el("article", {}, el("div", { class: "head" }, el("strong", {}, t(a.method)), el("span", { class: "muted" }, shopName(a.shop_id)), el("code", {}, a.url)), el("div", { class: "actions" }, button("remove", "push-addresses", { shop_id: a.shop_id, method: a.method })))));
  list("faults", state.faults.map((f) => el("article", {}, el("strong", {}, f.kind), " ", el("code", {}, f.path || "*"), ` × ${f.times || "∞"}`)));
  list("places", [...state.shops.map((s) => el("article", {}, el("strong", {}, s.name), ` shop_id ${s.shop_id} `, el("span", { class: "muted" }, s.site))), ...state.warehouses.map((w) => el("article", {}, el("strong", {}, w.name), ` wms_co_id ${w.wms_co_id}`))]);
}

function requestView(r) {
  const ok = r.status === 200 && (r.code === 0 || r.code === "0");
  const head = el("div", { class: "head" }, el("span", { class: "muted" }, r.time.slice(11)), el("code", {}, r.path), el("span", { class: "status " + (ok ? "good" : "bad") }, r.status ? `${r.code ?? r.status}` : "×"), ok ? null : el("span", {}, r.msg ?? ""));
  return el("article", {}, head, r.biz ? el("details", {}, el("summary", {}, "biz"), el("pre", {}, JSON.stringify(r.biz, null, 1))) : null);
}

function pushView(p) {
  return el("article", { "data-push": p.no },
    el("div", { class: "head" }, el("span", { class: "muted" }, p.time.slice(11)), el("strong", {}, t(p.method)), el("span", { class: "status " + (p.ok ? "good" : p.done ? "bad" : "wait") }, p.ok ? "✓" : p.done ? "✗" : "…"), el("span", { class: "muted" }, `HTTP ${p.status} code ${p.code} × ${p.attempts}`), p.error ? el("span", { class: "bad" }, p.error) : null), el("code", {}, p.url));
}

async function logs() {
  for (const r of await call("requests?after=" + lastRequest)) {
    lastRequest = r.no;
    prepend(find("#requests .list"), requestView(r));
  }
  let settled = true;
  for (const p of await call("pushes?after=" + firstOpenPush)) {
    const old = find(`[data-push="${p.no}"]`);
    if (old) old.replaceWith(pushView(p));
    else prepend(find("#pushes .list"), pushView(p));
    settled &&= p.done;
    if (settled) firstOpenPush = p.no;
  }
}

function prepend(list, node) {
  list.prepend(node);
  while (list.children.length > 200) list.lastElementChild.remove();
}

async function refresh() {
  try {
    const fresh = await call("state");
    find("#facts").textContent = `${fresh.now} · ${t("calls")} ${fresh.stats.calls} · ${t("throttled")} ${fresh.stats.throttled} · ${t("pushed")} ${fresh.stats.pushes}/${fresh.stats.pushes + fresh.stats.push_failures}`;
    delete fresh.now;
    const text = JSON.stringify({ ...fresh, stats: null });
    state = fresh;
    if (text !== shown) {
      shown = text;
      render();
    }
    await logs();
    document.body.dataset.ready = "yes";
  } catch (err) {
    notice(`${t("offline")}: ${err.message}`, "bad");
  }
}

function onSubmit(selector, handler) {
  find(selector).addEventListener("submit", (event) => {
    event.preventDefault();
    handler(event.target.elements);
  });
}

onSubmit("#new-order", (f) => act(t("placeOrder"), "orders", { shop_id: Number(f.shop.value), unpaid: f.unpaid.checked, items: [{ sku_id: f.sku.value, qty: f.qty.value, price: "59" }] }));
onSubmit("#push-stock", (f) => act(t("pushStock"), "stock/push", { shop_id: Number(f.shop.value), wms_co_id: Number(f.warehouse.value) }));
onSubmit("#register", (f) => act(t("register"), "push-addresses", { shop_id: Number(f.shop.value), method: f.method.value, url: f.url.value }));
onSubmit("#inject", (f) => act(t("inject"), "faults", { kind: f.kind.value, path: f.path.value, times: Number(f.times.value) }));
find("#clear-faults").addEventListener("click", () => act(t("clear"), "faults/clear"));
find("#expire").addEventListener("click", () => act(t("expireTokens"), "tokens/expire"));
find("#hour").addEventListener("click", () => act(t("hourLater"), "advance", { seconds: 3600 }));
find("#language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  render();
  refresh();
});

render();
refresh();
setInterval(refresh, 1000);
