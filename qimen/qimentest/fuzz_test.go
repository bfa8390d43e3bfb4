package qimentest_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
	"github.com/dianjia/jushuitan-go/qimen"
	"github.com/dianjia/jushuitan-go/qimen/qimentest"
)

// FuzzCall: whatever a signed call says, it is answered with one well-formed
// document.
func FuzzCall(f *testing.F) {
	f.Add("method=jushuitan.saleout.list.query&page_index=1&page_size=50&io_ids=[1,2]&so_ids=a,b", "")
	f.Add("method=jushuitan.order.list.query&page_index=1&page_size=9&is_paid=false&o_ids=1,x", "")
	f.Add("method=jushuitan.refund.list.query&start_ts=7000000001", "")
	f.Add("method=taobao.qimen.order.cancel&format=xml", "<request/>")
	f.Add("method=qimen.taobao.pos.clerk.get&storeCode={}", "x")
	f.Add("method=jst.orders.query&partnerid=demopartner&token=demotoken-10000001&ts=1&jstsign=1", "")
	f.Add("method=taobao.qimen.store.create&format=xml", "")
	erp := jushuitantest.NewServer()
	f.Cleanup(erp.Close)
	gateway, err := qimentest.New(qimentest.WithERP(erp), qimentest.WithRoutingParam("customerId"))
	require.NoError(f, err)
	f.Cleanup(gateway.Close)
	c := caller{nil, gateway}
	secret := gateway.Config().AppSecret
	f.Fuzz(func(t *testing.T, query, body string) {
		given, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		params := c.params(map[string]string{"customerId": qimentest.DefaultCustomer})
		for name := range given {
			params[name] = given.Get(name)
		}
		delete(params, "sign")
		if sign, err := qimen.Sign(qimen.SignMethod(params["sign_method"]), secret, params, []byte(body)); err == nil {
			params["sign"] = sign
		}
		values := url.Values{}
		for name, v := range params {
			values.Set(name, v)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/router/qm?"+values.Encode(), strings.NewReader(body))
		r.Header.Set("Content-Type", "text/xml")
		w := httptest.NewRecorder()
		gateway.ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/xml") {
			require.NoError(t, xml.Unmarshal(w.Body.Bytes(), new(struct{})))
			return
		}
		require.True(t, json.Valid(w.Body.Bytes()), "%s", w.Body)
	})
}
