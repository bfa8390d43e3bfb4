"""Calls the sandbox, knowing only the published rules: the open API's shops and order
upload, and Qimen's order list."""
import datetime
import hashlib
import hmac
import json
import sys
import time
import urllib.parse
import urllib.request

hello = json.loads(sys.argv[1])
at, gateway = hello["jushuitan"], hello["qimen"]


def post(url, params):
    body = urllib.parse.urlencode(params).encode("utf-8")
    return json.load(urllib.request.urlopen(urllib.request.Request(url, body), timeout=30))


def call(path, biz, timestamp, sign=None):
    params = {"app_key": at["app_key"], "access_token": at["access_token"], "timestamp": str(timestamp),
              "charset": "utf-8", "version": "2", "biz": json.dumps(biz)}
    text = at["app_secret"] + "".join(k + params[k] for k in sorted(params))
    params["sign"] = sign or hashlib.md5(text.encode("utf-8")).hexdigest()
    return post(at["url"] + path, params)


def shops(timestamp, sign=None):
    return call("/open/shops/query", {"page_index": 1, "page_size": 100}, timestamp, sign)


def china(seconds):
    zone = datetime.timezone(datetime.timedelta(hours=8))
    return datetime.datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")


def orders(so_id, algorithm, sign=None):
    """Qimen: parameters sorted, name and value joined; md5 wraps them in the secret, the
    HMACs are keyed with it."""
    params = {"method": "jushuitan.order.list.query", "app_key": gateway["app_key"],
              "target_app_key": gateway["target_app_key"], "customer_id": gateway["customer_id"],
              "timestamp": china(time.time()), "v": "2.0", "format": "json", "sign_method": algorithm,
              "page_index": "1", "page_size": "25", "so_ids": so_id}
    text = "".join(k + params[k] for k in sorted(params)).encode("utf-8")
    secret = gateway["app_secret"].encode("utf-8")
    if algorithm == "md5":
        right = hashlib.md5(secret + text + secret)
    else:
        right = hmac.new(secret, text, {"hmac": hashlib.md5, "hmac-sha256": hashlib.sha256}[algorithm])
    params["sign"] = sign or right.hexdigest().upper()
    return post(gateway["url"], params)["response"]


now = int(time.time())
right = shops(now)
line = {"sku_id": "TEE24-WHT-M", "shop_sku_id": "TEE24-WHT-M", "name": "T", "qty": 1, "amount": 59, "base_price": 59, "outer_oi_id": "PY-1-1"}
uploaded = call("/open/jushuitan/orders/upload", [{
    "shop_id": 10200077, "so_id": "PY-1", "order_date": china(now), "shop_status": "WAIT_SELLER_SEND_GOODS", "shop_buyer_id": "b",
    "receiver_address": "a", "receiver_name": "n", "receiver_mobile": "m", "pay_amount": 59, "freight": 0, "items": [line],
    "pay": {"outer_pay_id": "P1", "pay_date": china(now), "payment": "p", "seller_account": "s", "buyer_account": "b", "amount": 59},
}], now)
seen = {algorithm: orders("PY-1", algorithm) for algorithm in ("md5", "hmac", "hmac-sha256")}
refused = orders("PY-1", "md5", sign="0" * 32)
print(json.dumps({
    "right": right["code"], "shops": len(right["data"]["datas"]),
    "wrong sign": shops(now, sign="0" * 32)["code"], "old timestamp": shops(now - 3600)["code"],
    "uploaded": uploaded["code"],
    "qimen": {a: [r["flag"], [o["so_id"] for o in r["orders"]]] for a, r in seen.items()},
    "same order": [o["o_id"] for o in seen["md5"]["orders"]] == [uploaded["data"]["datas"][0]["o_id"]],
    "qimen wrong sign": [refused["flag"], refused["code"]],
}))
