"""Calls /open/shops/query of the sandbox, knowing only the published rules."""
import hashlib
import json
import sys
import time
import urllib.parse
import urllib.request

at = json.loads(sys.argv[1])["jushuitan"]


def call(timestamp, sign=None):
    params = {"app_key": at["app_key"], "access_token": at["access_token"], "timestamp": str(timestamp),
              "charset": "utf-8", "version": "2", "biz": json.dumps({"page_index": 1, "page_size": 100})}
    text = at["app_secret"] + "".join(k + params[k] for k in sorted(params))
    params["sign"] = sign or hashlib.md5(text.encode("utf-8")).hexdigest()
    body = urllib.parse.urlencode(params).encode("utf-8")
    request = urllib.request.Request(at["url"] + "/open/shops/query", body)
    return json.load(urllib.request.urlopen(request, timeout=30))


now = int(time.time())
right = call(now)
print(json.dumps({
    "right": right["code"], "shops": len(right["data"]["datas"]),
    "wrong sign": call(now, sign="0" * 32)["code"], "old timestamp": call(now - 3600)["code"],
}))
