"use strict";

const merchant = new URLSearchParams(location.search).get("merchant") || "";
const drafts = new Map(); // what was typed into lists and not sent yet, by data-key

let language = remembered() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
let state = null;
let operations = [];
let lastRequest = 0;
let firstOpenPush = 0; // pushes up to here are done and on the page

const t = (key) => texts[language][key] ?? key;
const find = (selector) => document.querySelector(selector);

function remembered() {
  try { return ["zh", "en"].find((l) => l === localStorage.getItem("language")); } catch { return undefined; }
}

// word is the text of a value of the ERP; one without a text is shown as it is.
const word = (group, value) => texts[language][`${group}.${value}`] ?? value;

// pushName is the name of a kind of push, which the sandbox knows.
function pushName(method) {
  const kind = state.push_kinds.find((k) => k.method === method);
  if (!kind) return method;
  return language === "zh" ? kind.label : kind.name[0].toUpperCase() + kind.name.slice(1);
}

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

const muted = (text) => el("span", { class: "muted" }, text);

// --- the sandbox

async function call(path, body) {
  const init = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const url = path + (path.includes("?") ? "&" : "?") + "merchant=" + encodeURIComponent(merchant);
  const response = await fetch(url, init);
  const answer = await response.json();
  if (!response.ok) throw new Error((language === "zh" ? answer.error_zh : answer.error) || response.status);
  return answer;
}

function notice(text, kind, ...more) {
  const node = find("#notice");
  node.replaceChildren(text, ...more);
  node.className = kind;
  node.hidden = false;
}

const said = (...parts) => parts.join(language === "zh" ? "：" : ": ");

const underWay = new Set(); // actions

// act runs an action of the operator and says how it went; the same action is not run
// again before it has ended. Its success forgets what was typed for it.
async function act(what, path, body = {}, typed = "") {
  const action = path + JSON.stringify(body);
  if (underWay.has(action)) return false;
  underWay.add(action);
  document.body.dataset.busy = "yes";
  let ok = true;
  try {
    const answer = await call(path, body);
    if (answer.not_pushed) notice(said(what, t("done")) + (language === "zh" ? "。" : ". ") + missing(answer.not_pushed) + " ", "wait", el("button", { type: "button", id: "register-one", onclick: () => registerOne(answer.not_pushed) }, t("registerOne")));
    else notice(said(what, t("done")), "good");
    for (const name of [...drafts.keys()]) if (typed && name.startsWith(typed)) drafts.delete(name);
    if (typed) for (const id of Object.keys(drawn)) delete drawn[id];
  } catch (err) {
    ok = false;
    notice(said(what, t("failed"), err.message), "bad");
  }
  await refresh();
  underWay.delete(action);
  if (!underWay.size) delete document.body.dataset.busy;
  return ok;
}

// missing says that a shop has no address for a push.
const missing = ({ shop_id: shop, method }) => t("notPushed").replace("{shop}", shopName(shop)).replace("{kind}", pushName(method));

// registerOne leads to the address that was missing.
function registerOne({ shop_id: shop, method }) {
  const form = find("#register").elements;
  form.shop.value = shop;
  form.method.value = method;
  find("#notice").hidden = true;
  find("#addresses").scrollIntoView();
  form.url.focus({ preventScroll: true });
}

// ask resolves to whether the operator agrees.
function ask(text) {
  const dialog = find("#ask");
  dialog.querySelector("p").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

// The second click of a double click, and a key that is held down, do nothing: the first
// may have put another button there.
const pressed = "button:not(.add-line)";
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest(pressed)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);
document.addEventListener("keydown", (event) => {
  if (event.repeat && (event.key === "Enter" || event.key === " " && event.target.closest(pressed))) event.preventDefault();
}, true);

// --- parts of lists

// button runs an action on a document; sure is asked first, if there is such a question.
function button(key, about, path, body, attributes = {}, sure = () => true) {
  const run = async () => {
    if (await sure()) act(`${t(key)} ${about}`, path, typeof body === "function" ? body() : body, path + "#");
  };
  return el("button", { type: "button", title: t(key + ".help"), "data-key": path + "!" + key, onclick: run, ...attributes }, t(key));
}

// field is an input with its label; what is typed stays when the list is drawn anew.
function field(label, path, name, attributes) {
  const key = `${path}#${name}`;
  const input = el("input", { autocomplete: "off", ...attributes, value: drafts.get(key) ?? attributes.value, "data-key": key, oninput: () => drafts.set(key, input.value) });
  return [input, el("label", {}, el("span", {}, label), input)];
}

function choice(label, path, name, pairs, preset) {
  const key = `${path}#${name}`;
  const select = el("select", { "data-key": key, onchange: () => drafts.set(key, select.value) }, ...pairs.map(([value, text]) => el("option", { value }, text)));
  const wanted = drafts.get(key) ?? preset;
  if (pairs.some(([value]) => String(value) === String(wanted))) select.value = wanted;
  return [select, el("label", {}, el("span", {}, label), select)];
}

// quantities are inputs for the lines of a document, one for each SKU.
function quantities(list, path, open, what = t("left")) {
  const bySKU = new Map();
  for (const l of list ?? []) bySKU.set(l.sku_id, (bySKU.get(l.sku_id) ?? 0) + open(l));
  const inputs = [...bySKU].filter(([, left]) => left > 0).map(([sku, left]) => {
    const [input, label] = field(`${sku} (${what} ${left})`, path, sku, { type: "number", min: 0, max: left, step: "any", value: left });
    return { sku, left, input, label };
  });
  // chosen is undefined for all that is left.
  const chosen = () => {
    if (inputs.every(({ left, input }) => Number(input.value) === left)) return undefined;
    return typed();
  };
  const typed = () => Object.fromEntries(inputs.filter(({ input }) => Number(input.value) > 0).map(({ sku, input }) => [sku, input.value]));
  return { labels: inputs.map(({ label }) => label), chosen, typed };
}

// enough asks before more is shipped than a warehouse has.
async function enough(warehouse, quantities) {
  const lacking = Object.entries(quantities).map(([sku, qty]) => ({ sku, qty, has: state.stock.find((s) => s.wms_co_id === warehouse && s.sku_id === sku)?.qty ?? 0 }))
    .filter(({ qty, has }) => Number(qty) > Number(has)).map(({ sku, qty, has }) => t("lacks").replace("{sku}", sku).replace("{has}", has).replace("{qty}", qty));
  return !lacking.length || ask(said(warehouseName(warehouse), lacking.join(language === "zh" ? "；" : "; ")) + t("negative"));
}

function status(group, value) {
  const kind = /^(Sent|Confirmed|SELLER_RECEIVED)$/.test(value) ? "good" : /^(Cancelled|Delete|Question)$/.test(value) ? "bad" : "wait";
  return el("span", { class: "status " + kind, title: value, "data-status": value }, word(group, value));
}

const warehouseName = (id) => state.warehouses.find((w) => w.wms_co_id === id)?.name ?? (id ? String(id) : "");
const shopName = (id) => state.shops.find((s) => s.shop_id === id)?.name ?? String(id);
const warehouses = () => state.warehouses.map((w) => [w.wms_co_id, w.name]);
const shops = () => state.shops.map((s) => [s.shop_id, s.name]);

// warehouseTag shows the warehouse of a document, or that it has none.
const warehouseTag = (id) => muted(id ? `${t("warehouse")} ${warehouseName(id)}` : t("noWarehouse"));

// warehouseOf is the warehouse of an order: its outbound document has one even if the main
// one, which orders name 0, has it.
const warehouseOf = (o) => o.wms_co_id || state.outbounds.find((out) => out.o_id === o.o_id && out.status !== "Delete")?.wms_co_id;

function goods(list) {
  return el("ul", { class: "goods" }, ...(list ?? []).map((l) => el("li", {}, el("code", {}, l.sku_id), ` × ${l.qty}`,
    l.shipped ? ` (${t("shipped")} ${l.shipped})` : null, l.received ? ` (${t("received")} ${l.received})` : null)));
}

// --- the sections: what each is drawn from, and how

function orderView(o) {
  const actions = el("div", { class: "actions" });
  const base = `orders/${o.o_id}/`;
  if (o.status === "WaitPay") actions.append(button("pay", o.o_id, base + "pay"));
  if (o.status === "Question") actions.append(button("resolve", o.o_id, base + "resolve"));
  if (o.status === "WaitConfirm") actions.append(button("audit", o.o_id, base + "audit"));
  const shipped = o.l_id !== "";
  if ((o.status === "WaitConfirm" || o.status === "Delivering") && !shipped) {
    const [select, label] = choice(t("warehouse"), base + "assign", "warehouse", warehouses(), o.wms_co_id || state.warehouses.find((w) => w.main)?.wms_co_id);
    actions.append(label, button("assign", o.o_id, base + "assign", () => ({ wms_co_id: Number(select.value) })));
  }
  if (!["Sent", "Cancelled", "Merged", "Split"].includes(o.status) && !shipped) actions.append(button("cancel", o.o_id, base + "cancel", () => ({ remark: t("remark") })));
  if (shipped) actions.append(el("button", { type: "button", title: t("return.help"), "data-key": base + "!return", onclick: () => prepareReturn(o) }, t("return")));
  return el("article", { "data-order": o.o_id },
    el("div", { class: "head" }, el("strong", {}, String(o.o_id)), el("code", {}, o.so_id), status("order", o.status), muted(shopName(o.shop_id)), warehouseTag(warehouseOf(o)), muted(`¥${o.pay_amount}`)),
    goods(o.lines), actions);
}

function outboundView(o) {
  const article = el("article", { "data-outbound": o.io_id },
    el("div", { class: "head" }, el("strong", {}, String(o.io_id)), muted(`${t("order")} ${o.o_id}`), el("code", {}, o.so_id), status("outbound", o.status), muted(shopName(o.shop_id)), warehouseTag(o.wms_co_id)),
    goods(o.lines));
  if (o.parcels.length) article.append(el("div", { class: "head" }, muted(t("parcels")), ...o.parcels.map((p) => el("code", {}, `${p.lc_id} ${p.l_id}`))));
  if (o.status !== "WaitConfirm") return article;
  const path = `outbounds/${o.io_id}/ship`;
  const known = state.carriers.length ? state.carriers : [{ lc_id: "SF", name: "SF" }];
  const [carrier, carrierLabel] = choice(t("carrier"), path, "carrier", known.map((c) => [c.lc_id, c.name]));
  const [waybill, waybillLabel] = field(t("waybill"), path, "waybill", { name: "waybill", size: 14, value: `SB${o.io_id}-${o.parcels.length + 1}` });
  const { labels, chosen, typed } = quantities(o.lines, path, (l) => Number(l.qty) - Number(l.shipped ?? 0));
  const body = () => ({ lc_id: carrier.value, l_id: waybill.value, lines: chosen() });
  article.append(el("div", { class: "actions" }, carrierLabel, waybillLabel, ...labels, button("ship", o.io_id, path, body, { class: "main ship" }, () => enough(o.wms_co_id, typed()))), el("p", { class: "hint" }, t("shipHint")));
  return article;
}

function afterSaleView(a) {
  const base = `aftersales/${a.as_id}/`;
  const open = a.status !== "Cancelled" && (a.lines ?? []).some((l) => Number(l.qty) > Number(l.received ?? 0));
  const some = (a.lines ?? []).some((l) => Number(l.received ?? 0) > 0);
  return el("article", { "data-aftersale": a.as_id },
    el("div", { class: "head" }, el("strong", {}, String(a.as_id)), el("code", {}, a.outer_as_id), muted(`${t("order")} ${a.so_id}`), el("span", {}, word("type", a.type)), status("aftersale", a.status), a.good_status ? status("good", a.good_status) : null),
    goods(a.lines),
    el("div", { class: "actions" }, open && a.type !== "仅退款" ? button("receive", a.as_id, base + "receive") : null, some ? button("revoke", a.as_id, base + "revoke") : null));
}

function documentView(kind, d) {
  const actions = el("div", { class: "actions" });
  const add = (key, verb) => {
    const path = `${kind}/${d.io_id}/${verb}`;
    const { labels, chosen } = quantities(d.lines, path, (l) => Number(l.qty));
    actions.append(...labels, button(key, d.io_id, path, () => ({ lines: chosen() })));
  };
  const open = ["Creating", "Confirming", "WaitConfirm", "OuterConfirming"].includes(d.status);
  if (open && kind === "otherinouts") add("confirm", "confirm");
  else if (open && d.type === "调拨出") add("shipTransfer", "ship");
  else if (open && d.type === "调拨入") add("receiveTransfer", "receive");
  return el("article", { "data-document": d.io_id },
    el("div", { class: "head" }, el("strong", {}, String(d.io_id)), el("span", {}, word("type", d.type)), status("document", d.status), muted(d.link_warehouse ? `${d.warehouse} → ${d.link_warehouse}` : d.warehouse)),
    goods(d.lines), actions);
}

function stockTable() {
  const columns = [["warehouse", ""], ["sku", ""], ["name", ""], ["real", "number"], ["locked", "number"], ["virtual", "number"], ["returned", "number"], ["incoming", "number"], ["action", ""]];
  const rows = state.stock.map((s) => {
    const path = "stock";
    const key = `${path}#${s.wms_co_id} ${s.sku_id}`;
    const input = el("input", { type: "number", step: "any", autocomplete: "off", value: drafts.get(key) ?? s.qty, "data-key": key, "aria-label": `${t("real")} ${s.sku_id} ${warehouseName(s.wms_co_id)}`, oninput: () => drafts.set(key, input.value) });
    const save = el("button", { type: "button", title: t("save.help"), "data-key": key + "!", "aria-label": `${t("save")} ${s.sku_id} ${warehouseName(s.wms_co_id)}`,
      onclick: () => act(`${t("save")} ${s.sku_id}`, path, { wms_co_id: s.wms_co_id, sku_id: s.sku_id, qty: input.value || null }, key) }, t("save"));
    const cells = [warehouseName(s.wms_co_id), el("code", {}, s.sku_id), s.name, input, s.order_lock, s.virtual_qty, s.return_qty, s.in_qty, save];
    return el("tr", { "data-stock": `${s.wms_co_id} ${s.sku_id}` }, ...columns.map(([name, kind], i) => el("td", { class: kind, "data-label": t(name) }, cells[i])));
  });
  return rows.length ? [el("table", {}, el("thead", {}, el("tr", {}, ...columns.map(([name, kind]) => el("th", { class: kind }, t(name))))), el("tbody", {}, ...rows))] : [];
}

function addressView(a) {
  return el("article", { "data-address": `${a.shop_id} ${a.method}` }, el("div", { class: "head" }, el("strong", {}, pushName(a.method)), muted(shopName(a.shop_id)), button("remove", pushName(a.method), "push-addresses", { shop_id: a.shop_id, method: a.method }, { class: "end", "data-key": `push-addresses!${a.shop_id} ${a.method}` })), el("code", {}, a.url));
}

function faultView(f) {
  const more = [f.times ? `${t("timesLeft")} ${f.times}` : t("always"), f.skip ? `${t("skip")} ${f.skip}` : "", f.seconds ? `${f.seconds} s` : "",
    f.status ? `HTTP ${f.status}` : "", f.retry_after ? `Retry-After ${f.retry_after}` : "", f.code ? `${t("code")} ${f.code}` : "", f.msg ?? ""].filter(Boolean);
  return el("article", {}, el("div", { class: "head" }, el("strong", {}, word("fault", f.kind)), f.path ? el("code", {}, f.path) : el("span", {}, t("allPaths")), muted(more.join(" · "))));
}

function dialectText(d) { return language === "zh" ? d.text : d.text_en; }

function dialectView(d) {
  return el("article", { "data-dialect": d.name }, el("div", { class: "head" }, el("strong", {}, d.name), el("span", {}, dialectText(d)), muted(d.source === "guess" ? t("guess") : d.source),
    button("stop", d.name, "dialects", () => ({ names: state.dialects.map((other) => other.name).filter((name) => name !== d.name) }), { class: "end", "data-key": `dialects!${d.name}` })));
}

const sections = {
  orders: { of: () => [state.orders, state.outbounds, state.warehouses, state.shops], draw: () => state.orders.map(orderView) },
  outbounds: { of: () => [state.outbounds, state.warehouses, state.carriers], draw: () => state.outbounds.map(outboundView) },
  aftersales: { of: () => state.after_sales, draw: () => state.after_sales.map(afterSaleView) },
  documents: { of: () => [state.transfers, state.other_in_outs], draw: () => [...state.transfers.map((d) => documentView("transfers", d)), ...state.other_in_outs.map((d) => documentView("otherinouts", d))] },
  stock: { of: () => [state.stock, state.warehouses], draw: stockTable },
  addresses: { of: () => [state.push_addresses, state.shops], draw: () => state.push_addresses.map(addressView) },
  faults: { of: () => state.faults, draw: () => state.faults.map(faultView) },
  dialects: { of: () => state.dialects, draw: () => state.dialects.map(dialectView) },
  places: { of: () => [state.shops, state.warehouses], draw: () => [
    ...state.shops.map((s) => el("article", {}, el("div", { class: "head" }, el("strong", {}, s.name), el("code", {}, `shop_id ${s.shop_id}`), muted(s.site)))),
    ...state.warehouses.map((w) => el("article", {}, el("div", { class: "head" }, el("strong", {}, w.name), el("code", {}, `wms_co_id ${w.wms_co_id}`), w.main ? muted(t("main")) : null)))] },
};
const drawn = {}; // what each section shows, as text

// fill puts nodes into a list, and the focus back where it was.
function fill(id, nodes) {
  const list = find(`#${id} .list`);
  const active = list.contains(document.activeElement) ? document.activeElement : null;
  const key = active?.dataset.key;
  const article = active?.closest("article");
  const about = article && Object.entries(article.dataset)[0];
  const range = active?.tagName === "INPUT" && active.type === "text" ? [active.selectionStart, active.selectionEnd] : null;
  list.replaceChildren(...(nodes.length ? nodes : [el("p", { class: "empty" }, t(id + ".empty"))]));
  if (!active) return;
  const again = key && list.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (again) {
    again.focus({ preventScroll: true });
    if (range) again.setSelectionRange(...range);
    return;
  }
  // The button has done its work and is gone: stay at its document.
  const place = (about && list.querySelector(`article[data-${about[0]}="${CSS.escape(about[1])}"]`)) || list;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

function render() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = t("title");
  for (const node of document.querySelectorAll("[data-t]")) {
    node.textContent = t(node.dataset.t);
    if (node.tagName === "BUTTON") node.title = t(node.dataset.t + ".help");
  }
  for (const node of document.querySelectorAll("[data-label]:not(td)")) node.setAttribute("aria-label", t(node.dataset.label));
  find("#language").textContent = t("other");
  find("#language").lang = language === "zh" ? "en" : "zh-CN";
  find("#sections").replaceChildren(...[...document.querySelectorAll("section")].map((s) => el("a", { href: "#" + s.id }, t(s.id))));
  find("#help dl").replaceChildren(...Object.keys(texts[language]).filter((k) => k.endsWith(".help")).flatMap((k) => [el("dt", {}, t(k.slice(0, -5))), el("dd", {}, t(k))]));
  if (!state) return;
  renderForms();
  for (const [id, s] of Object.entries(sections)) {
    const text = language + JSON.stringify(s.of());
    if (drawn[id] === text) continue;
    drawn[id] = text;
    fill(id, s.draw());
  }
}

function options(select, pairs) {
  const text = JSON.stringify(pairs);
  if (select.dataset.options === text) return;
  const chosen = select.value;
  select.dataset.options = text;
  select.replaceChildren(...pairs.map(([value, name]) => el("option", { value }, name)));
  if (pairs.some(([value]) => String(value) === chosen)) select.value = chosen;
}

function renderForms() {
  for (const select of document.querySelectorAll("select[name=shop]")) options(select, shops());
  for (const select of document.querySelectorAll("select[name=warehouse]")) options(select, warehouses());
  for (const select of document.querySelectorAll("select[name=link]")) {
    const fresh = !select.options.length;
    options(select, warehouses());
    if (fresh && select.options.length > 1) select.selectedIndex = 1;
  }
  for (const select of document.querySelectorAll(".lines select[name=sku]")) options(select, state.skus.map((s) => [s.sku_id, `${s.sku_id} ${s.name}`]));
  for (const node of document.querySelectorAll(".lines .remove")) node.hidden = node.closest(".lines").children.length < 2;
  const made = find("#new-aftersale").elements;
  options(made.order, sold().map((o) => [o.o_id, `${o.o_id} ${o.so_id}`]));
  options(made.type, ["普通退货", "拒收退货", "仅退款"].map((value) => [value, word("type", value)]));
  options(find("#new-other select[name=type]"), [["in", t("in")], ["out", t("out")]]);
  options(find("#new-other select[name=slot]"), [1, 2, 3, 4].map((n) => [n, word("slot", n)]));
  returnLines();
  options(find("#skus"), state.skus.map((s) => [s.sku_id, s.name]));
  options(find("#paths"), operations.map((o) => [o.path, language === "zh" ? o.title : o.title_en]));
  options(find("#register select[name=method]"), state.push_kinds.map((k) => [k.method, `${pushName(k.method)} ${k.method}`]));
  options(find("#inject select[name=kind]"), state.fault_kinds.map((k) => [k, word("fault", k)]));
  options(find("#speak select[name=dialect]"), state.known_dialects.map((d) => [d.name, `${d.name}: ${dialectText(d)}`]));
  options(find("#merchant"), state.merchants.map((m) => [m, m || t("merchant.default")]));
  find("#merchant").value = merchant;
  faultFields();
}

// faultFields shows what the chosen fault needs.
function faultFields() {
  const kind = find("#inject").elements.kind.value;
  for (const node of document.querySelectorAll("#inject [data-for]")) {
    node.hidden = !node.dataset.for.split(" ").includes(kind);
    node.querySelector("input").disabled = node.hidden;
  }
}

// sold are the orders of which something was shipped.
const sold = () => state.orders.filter((o) => o.l_id !== "");

let returned = null; // the quantities of the return that is being made

// returnLines shows what the chosen order has.
function returnLines() {
  const order = sold().find((o) => String(o.o_id) === find("#new-aftersale").elements.order.value);
  const text = language + JSON.stringify(order?.lines ?? null) + order?.o_id;
  if (drawn.returnLines === text) return;
  drawn.returnLines = text;
  returned = quantities(order?.lines, `return ${order?.o_id}`, (l) => Number(l.qty), t("bought"));
  find("#new-aftersale .line").replaceChildren(...(order ? returned.labels : [muted(t("noneSold"))]));
}

// prepareReturn leads to the form that makes a return of an order.
function prepareReturn(o) {
  const form = find("#new-aftersale");
  form.closest("details").open = true;
  form.elements.order.value = o.o_id;
  returnLines();
  find("#aftersales").scrollIntoView();
  form.querySelector(".line input")?.focus({ preventScroll: true });
}

// items are the lines of a form.
const items = (form) => [...document.querySelectorAll(`${form} .line`)].map((line) => Object.fromEntries(
  [["sku_id", "sku"], ["qty", "qty"], ["price", "price"]].map(([name, input]) => [name, line.querySelector(`[name=${input}]`)?.value]).filter(([, value]) => value !== undefined)));

function addLine(form) {
  const line = el("div", { class: "line" },
    el("label", {}, el("span", { "data-t": "sku" }), el("select", { name: "sku" })),
    el("label", {}, el("span", { "data-t": "qty" }), el("input", { name: "qty", type: "number", min: 1, step: 1, value: 1, required: true })),
    form.id === "new-order" ? el("label", {}, el("span", { "data-t": "price" }), el("input", { name: "price", type: "number", min: 0, step: "any", value: 59, required: true })) : null,
    el("button", { type: "button", class: "remove", "data-t": "removeLine", onclick: () => { line.remove(); form.querySelector(".add-line").focus(); render(); } }));
  form.querySelector(".lines").append(line);
}

// --- the logs

function requestView(r) {
  const code = r.code == null ? null : String(r.code).replaceAll('"', "");
  const ok = r.status === 200 && code === "0";
  const result = r.status === 0 ? t("cut") : code ?? `HTTP ${r.status}`;
  const op = operations.find((o) => o.path === r.path);
  const head = el("div", { class: "head" }, muted(r.time.slice(11)), el("span", { class: "status " + (ok ? "good" : "bad") }, `${ok ? "✓" : "✗"} ${result}`), el("code", {}, r.method || r.path),
    op ? muted(language === "zh" ? op.title : op.title_en) : null, ok || !r.msg ? null : el("span", { class: "bad" }, r.msg));
  return el("article", {}, head, contents([t("sent"), r.biz], [t("answered"), r.answer]));
}

// contents are the texts that were sent and received, folded up; null without any.
function contents(...pairs) {
  const parts = pairs.filter(([, v]) => v !== undefined);
  if (!parts.length) return null;
  return el("details", {}, el("summary", {}, t("details")), ...parts.flatMap(([name, v]) => [muted(name), el("pre", {}, typeof v === "string" ? v : JSON.stringify(v, null, 1))]));
}

function pushView(p) {
  const result = p.ok ? "✓" : p.done ? "✗" : "…";
  const facts = p.done || p.attempts ? `${p.status ? `HTTP ${p.status} · ` : ""}${p.code ? `code ${p.code} · ` : ""}${t("attempts")} ${p.attempts}` : t("waiting");
  return el("article", { "data-push": p.no },
    el("div", { class: "head" }, muted(p.time.slice(11)), el("span", { class: "status " + (p.ok ? "good" : p.done ? "bad" : "wait") }, `${result} ${pushName(p.method)}`), muted(shopName(p.shop_id)), muted(facts), p.error ? el("span", { class: "bad" }, p.error) : null),
    el("code", {}, p.url), contents([t("message"), p.body], [t("answered"), p.answer]));
}

async function logs() {
  const [requests, pushes] = await Promise.all([call("requests?after=" + lastRequest), call("pushes?after=" + firstOpenPush)]);
  for (const r of requests) {
    lastRequest = r.no;
    prepend("requests", requestView(r));
  }
  let settled = true;
  for (const p of pushes) {
    const old = find(`[data-push="${p.no}"]`);
    if (!old) prepend("pushes", pushView(p));
    else if (old.dataset.shown !== JSON.stringify(p)) {
      const fresh = pushView(p);
      if (old.querySelector("details")?.open) fresh.querySelector("details").open = true;
      old.replaceWith(fresh);
    }
    find(`[data-push="${p.no}"]`).dataset.shown = JSON.stringify(p);
    settled &&= p.done;
    if (settled) firstOpenPush = p.no;
  }
  for (const id of ["requests", "pushes"]) {
    const list = find(`#${id} .list`);
    if (!list.children.length) list.append(el("p", { class: "empty" }, t(id + ".empty")));
  }
}

function prepend(id, node) {
  const list = find(`#${id} .list`);
  list.querySelector(".empty")?.remove();
  list.prepend(node);
  while (list.children.length > 200) list.lastElementChild.remove();
}

// logsAnew draws the logs from their beginning, in the present language.
function logsAnew() {
  lastRequest = firstOpenPush = 0;
  for (const id of ["requests", "pushes"]) find(`#${id} .list`).replaceChildren();
}

// --- going on

let running = null; // the refresh that is under way
let again = null;   // the one that follows it

// refresh shows how things are when it is called, or later. There is one at a time.
function refresh() {
  if (running) return again ??= running.then(() => { again = null; return refresh(); });
  return running = refreshOnce().finally(() => { running = null; });
}

async function refreshOnce() {
  try {
    const fresh = await call("state");
    if (state && fresh.started !== state.started) { // another sandbox at the same address
      location.reload();
      return;
    }
    if (!operations.length) operations = await call("operations");
    state = fresh;
    const s = fresh.stats;
    find("#facts").textContent = `${t("facts")} ${fresh.now} · ${s.calls} ${t("calls")} · ${s.refused} ${t("refused")} · ${s.throttled} ${t("throttled")} · ${s.pushes} ${t("pushed")} · ${s.push_failures} ${t("pushFailed")}`;
    render();
    await logs();
    if (find("#notice").className === "offline bad") find("#notice").hidden = true;
    document.body.dataset.ready = "yes";
  } catch (err) {
    notice(said(t("offline"), err.message), "offline bad");
  }
}

function onSubmit(selector, handler) {
  find(selector).addEventListener("submit", (event) => {
    event.preventDefault();
    handler(event.target.elements);
  });
}

onSubmit("#new-order", (f) => act(t("placeOrder"), "orders", {
  shop_id: Number(f.shop.value), so_id: f.so.value.trim(), unpaid: f.unpaid.checked, items: items("#new-order"),
}).then((ok) => { if (ok) f.so.value = ""; }));
onSubmit("#new-aftersale", (f) => {
  const order = sold().find((o) => String(o.o_id) === f.order.value);
  act(t("createAfterSale"), "aftersales", {
    shop_id: order.shop_id, so_id: order.so_id, type: f.type.value, items: Object.entries(returned.typed()).map(([sku, qty]) => ({ sku_id: sku, qty, price: order.lines.find((l) => l.sku_id === sku).price })),
  }, `return ${order.o_id}#`);
});
onSubmit("#new-transfer", (f) => act(t("createTransfer"), "transfers", { wms_co_id: Number(f.warehouse.value), link_wms_co_id: Number(f.link.value), items: items("#new-transfer") }));
onSubmit("#new-other", (f) => act(t("createOther"), "otherinouts", { type: f.type.value, wms_co_id: Number(f.warehouse.value), warehouse: Number(f.slot.value), items: items("#new-other") }));
onSubmit("#set-stock", (f) => act(`${t("setStock")} ${f.sku.value}`, "stock", { wms_co_id: Number(f.warehouse.value), sku_id: f.sku.value.trim(), qty: f.qty.value }));
onSubmit("#push-stock", (f) => act(t("pushStock"), "stock/push", { shop_id: Number(f.shop.value), wms_co_id: Number(f.warehouse.value) }));
onSubmit("#register", (f) => act(t("register"), "push-addresses", { shop_id: Number(f.shop.value), method: f.method.value, url: f.url.value.trim() }));
onSubmit("#inject", (f) => {
  const number = (input) => (input.disabled ? 0 : Number(input.value));
  return act(t("inject"), "faults", {
    kind: f.kind.value, path: f.path.value.trim(), times: number(f.times), skip: number(f.skip), seconds: number(f.seconds),
    retry_after: number(f.retry), status: number(f.status), code: number(f.code), msg: f.msg.disabled ? "" : f.msg.value,
  });
});
onSubmit("#advance", (f) => act(t("advance"), "advance", { seconds: Number(f.seconds.value) }));
find("#inject").elements.kind.addEventListener("change", faultFields);
find("#clear-faults").addEventListener("click", () => act(t("clear"), "faults/clear"));
onSubmit("#speak", (f) => act(t("speak"), "dialects", { names: [...new Set([...state.dialects.map((d) => d.name), f.dialect.value])] }));
find("#clear-dialects").addEventListener("click", () => act(t("plain"), "dialects", { names: [] }));
find("#expire").addEventListener("click", () => act(t("expireTokens"), "tokens/expire"));
for (const add of document.querySelectorAll(".add-line")) add.addEventListener("click", () => { addLine(add.form); render(); });
find("#new-aftersale").elements.order.addEventListener("change", returnLines);
for (const choice of document.querySelectorAll("#ask button")) choice.addEventListener("click", () => find("#ask").close(choice.value));
find("#merchant").addEventListener("change", (event) => { location.search = "?merchant=" + encodeURIComponent(event.target.value); });
find("#language").addEventListener("click", async () => {
  language = language === "zh" ? "en" : "zh";
  try { localStorage.setItem("language", language); } catch { /* it is asked for again next time */ }
  find("#notice").hidden = true;
  render();
  await running;
  logsAnew();
  refresh();
});

for (const add of document.querySelectorAll(".add-line")) addLine(add.form);
render();
refresh();
setInterval(() => { if (!document.hidden) refresh(); }, 1000);
