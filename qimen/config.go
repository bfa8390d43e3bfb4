package qimen

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/dianjia/jushuitan-go/internal/redact"
)

// The gateways (网关). Jushuitan's samples use plain http; https is up to the
// caller.
const (
	// GatewayJushuitan is the gateway of Jushuitan's own scene (聚水潭奇门自定义场景).
	GatewayJushuitan = "http://a1q40taq0j.api.taobao.com/router/qm"
	// GatewayJushuitanTest is its test path.
	GatewayJushuitanTest = "http://a1q40taq0j.api.taobao.com/router/qmtest"
	// GatewayStandard is the gateway of the standard warehouse methods (奇门仓储标准接口).
	GatewayStandard = "https://qimen.api.taobao.com/router/qimen/service"
	// GatewayStandardTest is its sandbox.
	GatewayStandardTest = "http://qimenapi.tbsandbox.com/router/qimen/service"
	// GatewayCloud is the generic gateway of Qimen cloud (奇门云网关).
	GatewayCloud = "http://qimen.api.taobao.com/router/qm"
	// GatewayCloudTest is its test path.
	GatewayCloudTest = "http://qimen.api.taobao.com/router/qmtest"
	// GatewayTOP is the gateway of the Taobao open platform (淘宝开放平台).
	GatewayTOP = "https://eco.taobao.com/router/rest"
	// GatewayTOPTest is its sandbox.
	GatewayTOPTest = "https://gw.api.tbsandbox.com/router/rest"
)

// JushuitanAppKey is the target app key of Jushuitan's own scene.
const JushuitanAppKey = "23060081"

// Format is the form of answers, and of bodies that are not a form.
type Format string

// The formats.
const (
	JSON Format = "json"
	XML  Format = "xml"
)

// Config is an app's access to the gateway. AppKey and AppSecret are needed, and a
// CustomerID for all but the methods of the open platform itself (here or with
// [Client.ForCustomer]). What else is zero has a default by family.
type Config struct {
	AppKey    string // app_key: of the caller's app on the Taobao open platform
	AppSecret string `pii:"true"`

	// CustomerID is the value of the routing parameter (奇门客户编码): it selects the
	// merchant, who gets it from the other side while authorising.
	CustomerID string

	// Session is the session key of a shop. Jushuitan's scene takes none; the open
	// platform's own methods and weborder.single.sync need one.
	Session string `pii:"true"`

	// Version is v, "2.0" by default. Some systems want 1.0 or 3.0.
	Version string

	// Legacy is what the old jst.* methods need beside; see [LegacyCredentials].
	Legacy LegacyCredentials

	// How calls of every family travel, see [Route]. A member of the family's own
	// route goes before it.
	Gateway      string     // URL: http(s)://host/path
	TargetAppKey string     // target_app_key, of Scene and POS only
	RoutingParam string     // of all families that have one
	SignMethod   SignMethod // sign_method

	Scene     Route // 聚水潭奇门自定义场景
	POS       Route // 奇门POS场景 and other form calls through Qimen cloud
	Warehouse Route // 奇门仓储标准接口: all methods with a document for a body
	Other     Route // the open platform's own methods

	// MethodGateways are the gateways of single methods, by their names: some
	// systems have a host for each.
	MethodGateways map[string]string
}

// Route says how the calls of a family travel. The defaults are
//
//	family     gateway           target app key   routing parameter  format  sign method
//	Scene      GatewayJushuitan  JushuitanAppKey  customer_id        json    md5
//	POS        GatewayJushuitan  JushuitanAppKey  customerid         json    md5
//	Warehouse  GatewayStandard   none             customerId         xml     md5
//	Other      GatewayTOP        none             none               json    md5
//
// The host of the POS scene is not documented in public: ask for it.
type Route struct {
	Gateway      string     // URL: http(s)://host/path
	TargetAppKey string     // target_app_key: of the app that implements the methods
	RoutingParam string     // customerId, customer_id or customerid; the wrong one makes the signature wrong
	SignMethod   SignMethod // md5, hmac or hmac-sha256
	Format       Format     // of answers, and of bodies: json or xml
}

// LegacyCredentials are a partner's access to one merchant through the old jst.*
// methods: they sign a second time, see [LegacySign].
type LegacyCredentials struct {
	PartnerID  string
	PartnerKey string `pii:"true"`
	Token      string `pii:"true"` // of the merchant
}

// Format prints the config without its secrets.
func (c Config) Format(s fmt.State, verb rune) { redact.Format(s, verb, c) }

// LogValue is the config for slog, without its secrets.
func (c Config) LogValue() slog.Value { return redact.LogValue(c) }

// Format prints the credentials without the secrets.
func (c LegacyCredentials) Format(s fmt.State, verb rune) { redact.Format(s, verb, c) }

// LogValue is the credentials for slog, without the secrets.
func (c LegacyCredentials) LogValue() slog.Value { return redact.LogValue(c) }

// route is a [Route] without gaps.
type route struct {
	Route
	url string
}

// routes works out the route of every family, and checks all.
func (c *Config) routes() (map[lane]*route, error) {
	if c.AppKey == "" || c.AppSecret == "" {
		return nil, errors.New("AppKey and AppSecret are needed / 缺少 AppKey 或 AppSecret")
	}
	out := map[lane]*route{}
	for l, own := range map[lane]Route{laneScene: c.Scene, lanePOS: c.POS, laneWarehouse: c.Warehouse, laneOther: c.Other} {
		base := defaultRoute(l)
		all := Route{Gateway: c.Gateway, TargetAppKey: c.TargetAppKey, RoutingParam: c.RoutingParam, SignMethod: c.SignMethod}
		if base.TargetAppKey == "" {
			all.TargetAppKey = ""
		}
		if base.RoutingParam == "" {
			all.RoutingParam = ""
		}
		r := Route{
			Gateway:      cmp.Or(own.Gateway, all.Gateway, base.Gateway),
			TargetAppKey: cmp.Or(own.TargetAppKey, all.TargetAppKey, base.TargetAppKey),
			RoutingParam: cmp.Or(own.RoutingParam, all.RoutingParam, base.RoutingParam),
			SignMethod:   cmp.Or(own.SignMethod, all.SignMethod, base.SignMethod),
			Format:       cmp.Or(own.Format, base.Format),
		}
		if !r.SignMethod.Known() {
			return nil, fmt.Errorf("%s: sign method %q is not known: use md5, hmac or hmac-sha256 / 不支持的签名方法", l, string(r.SignMethod))
		}
		if r.Format != JSON && r.Format != XML {
			return nil, fmt.Errorf("%s: format %q is not known: use json or xml / 不支持的格式", l, string(r.Format))
		}
		if l == laneScene && r.Format != JSON {
			return nil, fmt.Errorf("%s: Jushuitan's scene answers in json only / 聚水潭自定义场景仅支持 json", l)
		}
		u, err := parseGateway(r.Gateway)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l, err)
		}
		out[l] = &route{Route: r, url: u}
	}
	return out, nil
}

// lane is the group of methods that travel alike. It follows from the form and the
// name of a method.
type lane string

const (
	laneScene     lane = "Scene"
	lanePOS       lane = "POS"
	laneWarehouse lane = "Warehouse"
	laneOther     lane = "Other"
)

func laneOf(m *Method) lane {
	switch {
	case m.Body == BodyXML:
		return laneWarehouse
	case strings.HasPrefix(m.Name, "jushuitan."), strings.HasPrefix(m.Name, "jst."):
		return laneScene
	case strings.HasPrefix(m.Name, "qimen."):
		return lanePOS
	default:
		return laneOther
	}
}

func defaultRoute(l lane) Route {
	switch l {
	case laneScene:
		return Route{Gateway: GatewayJushuitan, TargetAppKey: JushuitanAppKey, RoutingParam: "customer_id", SignMethod: MD5, Format: JSON}
	case lanePOS:
		return Route{Gateway: GatewayJushuitan, TargetAppKey: JushuitanAppKey, RoutingParam: "customerid", SignMethod: MD5, Format: JSON}
	case laneWarehouse:
		return Route{Gateway: GatewayStandard, RoutingParam: "customerId", SignMethod: MD5, Format: XML}
	default:
		return Route{Gateway: GatewayTOP, SignMethod: MD5, Format: JSON}
	}
}

func parseGateway(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("gateway: want http(s)://host/path / 网关地址格式不正确")
	}
	return strings.TrimRight(u.String(), "/"), nil
}
