package callback

import (
	"errors"
	"fmt"
	"net/url"

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
	return parseBody(body, jushuitan.ParseStockPush)
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
