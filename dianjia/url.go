package dianjia

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/go-querystring/query"

	kinds "github.com/dianjia/jushuitan-go/internal/push" // push is a function here
	"github.com/dianjia/jushuitan-go/internal/pushsign"
	"github.com/dianjia/jushuitan-go/internal/redact"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// DefaultBaseURL is the common prefix of DianJia's endpoints.
const DefaultBaseURL = "https://open.dianplus.cn/api/product/rs/dex/jushuitan/"

// DefaultStockType is the default type of a stock URL. Its meaning in DianJia is
// unknown; any text is passed on.
const DefaultStockType = "2"

// endpointOf returns the endpoint of a kind of push.
func endpointOf(kind jushuitan.PushMethod) (*kinds.Kind, bool) { return kinds.Of(string(kind)) }

// harmless returns the kinds that may be sent again after their response was lost.
func harmless() (methods []jushuitan.PushMethod) {
	for _, k := range kinds.Kinds() {
		if k.Harmless {
			methods = append(methods, jushuitan.PushMethod(k.Method))
		}
	}
	return methods
}

// PushURL is the content of a registered URL. The texts are not interpreted.
type PushURL struct {
	Kind        jushuitan.PushMethod
	EntID       string // entId 商家: the merchant in DianJia
	StorageCode string // storageCode: the shop_id 店铺编号, for stock the wms_co_id 仓库编号
	Type        string // type: of stock URLs, [DefaultStockType] where it is empty
}

// URLBuilder builds the URLs that are registered in Jushuitan. The zero value builds
// those of DianJia's guide.
type URLBuilder struct {
	// BaseURL is the part before the endpoint's name, [DefaultBaseURL] by default. A
	// trailing slash is optional.
	BaseURL string
	// Secret adds a token to each URL, with which the receiver verifies that the URL
	// was built for this kind, entId and storageCode (type is not covered). It has at least
	// 16 bytes, as package callback requires. Without a secret there is no token, as in the
	// guide.
	Secret string `pii:"true"`
}

// Format prints the builder without its secret.
func (b URLBuilder) Format(s fmt.State, verb rune) { redact.Format(s, verb, b) }

// LogValue is the builder for slog, without its secret.
func (b URLBuilder) LogValue() slog.Value { return redact.LogValue(b) }

// urlQuery is the query of a registered URL.
type urlQuery struct {
	EntID       string `url:"entId"`
	StorageCode string `url:"storageCode"`
	Type        string `url:"type,omitempty"`
	Token       string `url:"jstToken,omitempty"` // pushsign.TokenParam
}

// URL returns the URL of a kind of push for a merchant and a shop or warehouse.
func (b URLBuilder) URL(p PushURL) (string, error) {
	address, q, err := b.parts(p)
	if err != nil {
		return "", fmt.Errorf("dianjia: URL: %w", err)
	}
	values, err := query.Values(q)
	if err != nil {
		return "", fmt.Errorf("dianjia: URL: %w", err)
	}
	return address + "?" + encode(values), nil
}

// parts returns the address without a query, and the query.
func (b URLBuilder) parts(p PushURL) (address string, q urlQuery, err error) {
	base, err := b.base()
	if err != nil {
		return "", q, err
	}
	kind, ok := endpointOf(p.Kind)
	if !ok {
		return "", q, fmt.Errorf("unknown kind of push %q", p.Kind)
	}
	if p.EntID == "" || p.StorageCode == "" {
		return "", q, errors.New("entId or storageCode is missing")
	}
	q = urlQuery{EntID: p.EntID, StorageCode: p.StorageCode, Type: p.Type}
	if kind.ByWarehouse && q.Type == "" {
		q.Type = DefaultStockType
	}
	if b.Secret != "" {
		if err := pushsign.CheckSecret(b.Secret); err != nil {
			return "", q, err
		}
		q.Token = pushsign.Token(b.Secret, string(p.Kind), p.EntID, p.StorageCode)
	}
	return base + kind.Path, q, nil
}

// base returns the validated base URL with a trailing slash.
func (b URLBuilder) base() (string, error) {
	text := b.BaseURL
	if text == "" {
		text = DefaultBaseURL
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", errors.New("BaseURL is not a URL") // err quotes it
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, "?#") {
		return "", errors.New("BaseURL: want http(s)://host[/path]")
	}
	return strings.TrimRight(u.String(), "/") + "/", nil
}

// encode escapes a blank as %20 instead of a plus sign, which some receivers do not decode.
func encode(values url.Values) string { return strings.ReplaceAll(values.Encode(), "+", "%20") }

// ParseURL parses a registered URL with any host and any path before the endpoint's
// name. It does not verify a token and ignores other parameters, so that it also parses
// the URL of a received push; its method must match the path. The error does not quote
// the URL.
func ParseURL(text string) (PushURL, error) {
	p, err := parseURL(text)
	if err != nil {
		return PushURL{}, fmt.Errorf("dianjia: ParseURL: %w", err)
	}
	return p, nil
}

func parseURL(text string) (p PushURL, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return p, errors.New("not a URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return p, errors.New("want http(s)://host/path?query")
	}
	path := u.EscapedPath()
	name := path[strings.LastIndexByte(path, '/')+1:]
	all := kinds.Kinds()
	at := slices.IndexFunc(all, func(k kinds.Kind) bool { return k.Path == name })
	if at < 0 {
		return p, fmt.Errorf("the path does not end in one of %s", paths(all))
	}
	p.Kind = jushuitan.PushMethod(all[at].Method)
	values, err := queryOf(u)
	if err != nil {
		return p, err
	}
	if values.Has("method") && values.Get("method") != string(p.Kind) {
		return p, errors.New("the parameter method names a different kind than the path")
	}
	p.EntID, p.StorageCode, p.Type = values.Get("entId"), values.Get("storageCode"), values.Get("type")
	if p.EntID == "" || p.StorageCode == "" {
		return p, errors.New("entId or storageCode is missing")
	}
	if all[at].ByWarehouse && p.Type == "" {
		p.Type = DefaultStockType
	}
	return p, nil
}

// queryOf parses the query of a registered URL and refuses duplicates of its parameters,
// except of type: the ERP or a proxy may have added a type of its own to a received push.
func queryOf(u *url.URL) (url.Values, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("the query is invalid")
	}
	for _, name := range []string{"entId", "storageCode", pushsign.TokenParam, "method"} {
		if len(values[name]) > 1 {
			return nil, fmt.Errorf("duplicate parameter %s", name)
		}
	}
	return values, nil
}

// paths returns the names of the endpoints, separated by commas.
func paths(all []kinds.Kind) string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Path
	}
	return strings.Join(names, ", ")
}

// ShopSettings are the ids needed to set up a self-owned mall shop (商家自有商城).
type ShopSettings struct {
	EntID   string // entId 商家: the merchant in DianJia
	ShopID  int64  // shop_id 店铺编号 of the self-owned mall shop
	WMSCoID int64  // wms_co_id 仓库编号 of the warehouse whose stock is pushed
	Type    string // type of the stock URL, [DefaultStockType] where it is empty
}

// url returns the content of the registered URL of a kind.
func (s ShopSettings) url(k *kinds.Kind) PushURL {
	p := PushURL{Kind: jushuitan.PushMethod(k.Method), EntID: s.EntID, StorageCode: number(s.ShopID)}
	if k.ByWarehouse {
		p.StorageCode, p.Type = number(s.WMSCoID), s.Type
	}
	return p
}

// number returns the digits of an id, and "" for one that is not set.
func number(id int64) string {
	if id <= 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// URLs returns the URL of each kind of push. All fields but Type are required.
func (b URLBuilder) URLs(s ShopSettings) (map[jushuitan.PushMethod]string, error) {
	out := map[jushuitan.PushMethod]string{}
	for _, k := range kinds.Kinds() {
		p := s.url(&k)
		address, err := b.URL(p)
		if err != nil {
			return nil, err
		}
		out[p.Kind] = address
	}
	return out, nil
}

// SettingsText returns the instructions for setting up the shop in Jushuitan: the four URLs
// with the labels of the settings page, and where to enter the two ids. It contains the
// tokens of the URLs, but not the secret.
func (b URLBuilder) SettingsText(s ShopSettings) (string, error) {
	var out strings.Builder
	if s.EntID == "" || strings.ContainsFunc(s.EntID, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", errors.New("dianjia: SettingsText: EntID is missing or not printable / EntID 为空或含不可打印字符")
	}
	if s.ShopID <= 0 || s.WMSCoID <= 0 {
		return "", errors.New("dianjia: SettingsText: ShopID and WMSCoID must be positive / 请填写 ShopID 和 WMSCoID")
	}
	fmt.Fprintf(&out, "聚水潭「商家自有商城」店铺消息设置 / Message settings of the self-owned mall shop in Jushuitan\n\n")
	fmt.Fprintf(&out, "商家 entId / Merchant: %s\n", s.EntID)
	fmt.Fprintf(&out, "店铺编号 shop_id / Shop: %d\n", s.ShopID)
	fmt.Fprintf(&out, "仓库编号 wms_co_id / Warehouse: %d\n\n", s.WMSCoID)
	fmt.Fprintf(&out, "1. 在聚水潭该店铺的消息推送设置中，按名称粘贴以下四个地址 / In Jushuitan, paste these four URLs into the shop's message push settings:\n\n")
	for _, k := range kinds.Kinds() {
		address, err := b.URL(s.url(&k))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%s (%s)\n%s\n\n", k.Label, k.Name, address)
	}
	fmt.Fprintf(&out, "2. 编辑该店铺，勾选「同步发货」 / Edit the shop and tick 同步发货 (report shipments)\n")
	fmt.Fprintf(&out, "3. 在店加后台填写店铺编号 shop_id %d / Enter the shop's number shop_id %d in DianJia\n", s.ShopID, s.ShopID)
	fmt.Fprintf(&out, "4. 订单分仓策略：该店铺的订单不得分配到「店加线下仓」，否则会循环派单 / Never assign this shop's orders to the warehouse 店加线下仓: they would come back to the stores\n")
	return out.String(), nil
}

// WriteSettings writes [URLBuilder.SettingsText] to w.
func (b URLBuilder) WriteSettings(w io.Writer, s ShopSettings) error {
	text, err := b.SettingsText(s)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}
