package callback

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// ParseShipment reads the body of a 物流同步 push: JSON, or a form with the JSON in
// biz.
func ParseShipment(body []byte) (*jushuitan.ShipmentPush, error) {
	return parseBody(body, jushuitan.ParseShipmentPush)
}

// ParseCancel reads the body of a 取消订单 push, see [ParseShipment].
func ParseCancel(body []byte) (*jushuitan.CancelPush, error) {
	return parseBody(body, jushuitan.ParseCancelPush)
}

// ParseGoodsReturned reads the body of a 售后收货 push, see [ParseShipment]. An
// action that is not known is [ErrUnknownAction].
func ParseGoodsReturned(body []byte) (*jushuitan.GoodsReturnedPush, error) {
	return parseBody(body, parseGoodsReturned)
}

// ParseStock reads the body of a 库存同步 push: {"datas":[...]}, a bare array, a
// single row, or a form with one of these in biz.
func ParseStock(body []byte) (*jushuitan.StockPush, error) {
	return parseBody(body, parseStock)
}

func parseBody[P any](body []byte, parse func([]byte) (*P, error)) (*P, error) {
	text := trim(body)
	if len(text) == 0 {
		return nil, fmt.Errorf("callback: %w: the body is empty", ErrRequest)
	}
	doc, err := document(text)
	if err != nil {
		return nil, fmt.Errorf("callback: %w: %w", ErrRequest, err)
	}
	return parse(doc)
}

// document is the JSON of a body: the body itself, or the biz of a form. The
// content type is not looked at, since no source says what the ERP sends.
func document(text []byte) ([]byte, error) {
	if text[0] == '{' || text[0] == '[' {
		return text, nil
	}
	form, err := url.ParseQuery(string(text))
	if err != nil || len(form["biz"]) != 1 {
		return nil, errors.New("the body is neither JSON nor a form with one biz")
	}
	return []byte(form.Get("biz")), nil
}

func parseGoodsReturned(body []byte) (*jushuitan.GoodsReturnedPush, error) {
	p, err := jushuitan.ParseGoodsReturnedPush(body)
	if err == nil && !p.Action.Known() {
		return nil, ErrUnknownAction
	}
	return p, err
}

// parseStock reads rows whose figures are numbers in one go, and all others in
// the several that [jushuitan.ParseStockPush] needs to tell a missing figure.
func parseStock(body []byte) (*jushuitan.StockPush, error) {
	var rows []countedRow
	var err error
	switch text := trim(body); {
	case len(text) > 0 && text[0] == '[':
		err = wire.UnmarshalStrict(text, &rows)
	default:
		var datas struct {
			Rows []countedRow `json:"datas"`
		}
		err = wire.UnmarshalStrict(text, &datas)
		rows = datas.Rows
	}
	if err != nil || rows == nil {
		return jushuitan.ParseStockPush(body)
	}
	p := &jushuitan.StockPush{Rows: make([]jushuitan.StockPushRow, len(rows))}
	for i := range rows {
		row := &rows[i]
		if !row.Qty.there || row.SKUID == "" && row.ShopSKUID == "" {
			return jushuitan.ParseStockPush(body)
		}
		p.Rows[i] = row.StockPushRow
		p.Rows[i].Qty = row.Qty.Decimal
	}
	return p, nil
}

// countedRow is a row that knows whether it has a figure.
type countedRow struct {
	jushuitan.StockPushRow
	Qty figure `json:"qty"`
}

type figure struct {
	decimal.Decimal
	there bool
}

// UnmarshalJSONFrom takes numbers only.
func (f *figure) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '0' {
		return errors.New("not a number")
	}
	f.there = true
	return json.UnmarshalDecode(dec, &f.Decimal)
}
