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

// The gateways (网关). Jushuitan's samples use plain http; you may use https.
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

// Format is the encoding of answers, and of bodies that are not a form.
type Format string

// The formats.
const (
	JSON  Format = "json"
	XML   Format = "xml"
	JSON2 Format = "json2" // simplified: JSON without the member response around the answer
	XML2  Format = "xml2"  // simplified: as XML, whose root has no fixed name
)

// isJSON reports whether the encoding is JSON.
func (f Format) isJSON() bool { return f == JSON || f == JSON2 }

// Known reports whether the format is one of the four.
func (f Format) Known() bool { return f == JSON || f == XML || f == JSON2 || f == XML2 }

// Config is an app's access to the gateway. AppKey and AppSecret are required, as is a
// CustomerID for all methods except the open platform's own (here or with
// [Client.ForCustomer]). Other zero fields have defaults by family.
type Config struct {
	AppKey    string // app_key: of the caller's app on the Taobao open platform
	AppSecret string `pii:"true"`

	// CustomerID is the value of the routing parameter (奇门客户编码): it selects the
	// merchant. The merchant receives it from the ERP during authorisation.
	CustomerID string

	// Session is the session key of a shop. Jushuitan's scene needs none; the open
	// platform's own methods and weborder.single.sync do.
	Session string `pii:"true"`

	// Version is the parameter v, "2.0" by default. Some systems require 1.0 or 3.0.
	Version string

	// POSPrefix calls the POS methods by their names in the platform's list,
	// qimen.taobao.pos.*. By default the services call them taobao.pos.*, as the official
	// client of Qimen cloud does; [Client.Call] uses the name that it is given.
	POSPrefix bool

	// Legacy is additionally required by the old jst.* methods; see
	// [LegacyCredentials].
	Legacy LegacyCredentials

	// Defaults for all families, see [Route]. A field of the family's own route takes
	// precedence.
	Gateway      string     // URL: http(s)://host/path
	TargetAppKey string     // target_app_key, of Scene and POS only
	RoutingParam string     // of all families that have one
	SignMethod   SignMethod // sign_method

	Scene     Route // 聚水潭奇门自定义场景
	POS       Route // 奇门POS场景 and other form calls through Qimen cloud
	Warehouse Route // 奇门仓储标准接口: all methods with a document as body
	Other     Route // the open platform's own methods

	// MethodGateways are the gateways of single methods, by method name: some systems
	// have a host for each.
	MethodGateways map[string]string
}

// Route determines how the methods of a family are called. The defaults are
//
//	family     gateway           target app key   routing parameter  format  sign method
//	Scene      GatewayJushuitan  JushuitanAppKey  customer_id        json    md5
//	POS        GatewayCloud      JushuitanAppKey  customerid         json    md5
//	Warehouse  GatewayStandard   none             customerId         xml     md5
//	Other      GatewayTOP        none             none               json    md5
//
// That of the POS methods is the host of the scene (sceneqimen) to which the official client's
// classes for them belong; no public source shows a call, and its test path is
// [GatewayCloudTest]. Ask which host, target app key and names your scene has.
type Route struct {
	Gateway      string     // URL: http(s)://host/path
	TargetAppKey string     // target_app_key: of the app that implements the methods
	RoutingParam string     // customerId, customer_id or customerid; a wrong one invalidates the signature
	SignMethod   SignMethod // md5, hmac or hmac-sha256
	Format       Format     // of answers, and of bodies
}

// LegacyCredentials are a partner's access to one merchant through the old jst.*
// methods. They create a second signature, see [LegacySign].
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

// route is a [Route] with all fields set.
type route struct {
	Route
	url string
}

// routes resolves and validates the route of every family.
func (c *Config) routes() (map[lane]*route, error) {
	if c.AppKey == "" || c.AppSecret == "" {
		return nil, errors.New("AppKey and AppSecret are required / 缺少 AppKey 或 AppSecret")
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
			return nil, fmt.Errorf("%s: unknown sign method %q: use md5, hmac or hmac-sha256 / 不支持的签名方法", l, string(r.SignMethod))
		}
		if !r.Format.Known() {
			return nil, fmt.Errorf("%s: unknown format %q: use json, xml, json2 or xml2 / 不支持的格式", l, string(r.Format))
		}
		if l == laneScene && !r.Format.isJSON() {
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

// lane is a group of methods with the same route. It follows from the body and the name
// of a method.
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
	case strings.HasPrefix(m.Name, cloudPrefix), strings.HasPrefix(m.Name, "taobao.pos."):
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
		return Route{Gateway: GatewayCloud, TargetAppKey: JushuitanAppKey, RoutingParam: "customerid", SignMethod: MD5, Format: JSON}
	case laneWarehouse:
		return Route{Gateway: GatewayStandard, RoutingParam: "customerId", SignMethod: MD5, Format: XML}
	default:
		return Route{Gateway: GatewayTOP, SignMethod: MD5, Format: JSON}
	}
}

func parseGateway(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("invalid gateway: use http(s)://host/path / 网关地址格式不正确")
	}
	return strings.TrimRight(u.String(), "/"), nil
}
