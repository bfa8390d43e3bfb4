package qimen

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

//go:generate go run ../internal/gen -qimen . -readme README.md -readme README.zh-CN.md

// Family is a set of methods that share a gateway and a form of calls.
type Family string

// The families.
const (
	FamilyScene     Family = "scene"     // 聚水潭自定义场景: Jushuitan's own scene, jushuitan.* and the older jst.*
	FamilyPOS       Family = "pos"       // 奇门POS接口: qimen.taobao.pos.* (experimental)
	FamilyWarehouse Family = "warehouse" // 奇门仓储: the standard methods taobao.qimen.* with known fields (experimental)
	FamilyOther     Family = "others"    // 淘宝开放平台: all other methods (experimental); of some only the name is known
)

// Direction states who calls a method if DianJia is on the store's and warehouse's side
// of Qimen, as it is for a merchant whose ERP is Jushuitan. Every method can be called
// and received regardless of its direction, since a program may also be on the ERP's
// side.
type Direction int

// The directions.
const (
	Both     Direction = iota // either side calls it, or the caller is not documented
	Outbound                  // DianJia calls it
	Inbound                   // the gateway forwards it to DianJia
)

func (d Direction) String() string {
	switch d {
	case Outbound:
		return "outbound"
	case Inbound:
		return "inbound"
	default:
		return "both"
	}
}

// Body is the encoding of a method's parameters.
type Body int

// The encodings.
const (
	// BodyForm sends the members of the request as form fields; objects and lists
	// are JSON text.
	BodyForm Body = iota
	// BodyXML sends the request as one XML document with the root <request>.
	BodyXML
)

func (b Body) String() string {
	if b == BodyXML {
		return "xml"
	}
	return "form"
}

// Method describes one method (接口) of Qimen.
type Method struct {
	Name       string // taobao.qimen.deliveryorder.create
	GoName     string // DeliveryOrderCreate, the prefix of its types' names; "" without types
	Service    string // Warehouse: its service of [Client]; "" if it is only called by name
	Family     Family
	Title      string // 发货单创建接口; may be empty
	TitleEN    string // may be empty
	Direction  Direction
	Body       Body
	Confidence string // of the known facts: high, medium or low

	Effect jushuitan.Effect
	Key    []string // members of the idempotency key of a Keyed method, as paths of wire names; see IdempotencyKey of its request
	Why    string   // reason of the effect

	// Success lists the forms in which an answer says that the call succeeded, each of which is
	// enough: "flag success", "code 0", "code 1" and "issuccess true" (without a flag), "method
	// root" (the open platform's root <method>_response). It is empty for a method whose answer
	// is not documented; those are judged like others of their family.
	Success []string

	Limits []string

	newRequest  func() any
	newResponse func() any
}

// ShortName returns the other name of the method: deliveryorder.create, under which the
// gateway forwards taobao.qimen.deliveryorder.create, and taobao.pos.items.get, under which the
// official client of Qimen cloud calls qimen.taobao.pos.items.get. Other names are not
// shortened.
func (m *Method) ShortName() string { return shortName(m.Name) }

const (
	standardPrefix = "taobao.qimen."
	cloudPrefix    = "qimen."
)

func shortName(name string) string {
	if strings.HasPrefix(name, cloudPrefix+"taobao.") {
		return strings.TrimPrefix(name, cloudPrefix)
	}
	return strings.TrimPrefix(name, standardPrefix)
}

// NewRequest returns an empty request of the method's type, a pointer such as
// *DeliveryOrderCreateRequest, or nil for a method without types.
func (m *Method) NewRequest() any {
	if m.newRequest == nil {
		return nil
	}
	return m.newRequest()
}

// NewResponse returns an empty answer of the method's type, a pointer such as
// *DeliveryOrderCreateResponse, or nil for a method without one.
func (m *Method) NewResponse() any {
	if m.newResponse == nil {
		return nil
	}
	return m.newResponse()
}

func (m *Method) clone() Method {
	c := *m
	c.Key = slices.Clone(m.Key)
	c.Limits = slices.Clone(m.Limits)
	c.Success = slices.Clone(m.Success)
	return c
}

// Methods returns a copy of the table of all known methods.
func Methods() []Method {
	out := make([]Method, len(methods))
	for i, m := range methods {
		out[i] = m.clone()
	}
	return out
}

// LookupMethod finds a method by its name or its [Method.ShortName]: standard methods with or
// without the prefix taobao.qimen., POS methods with or without the prefix qimen.
func LookupMethod(name string) (*Method, bool) {
	m := methodAt(name)
	if m == nil {
		return nil, false
	}
	c := m.clone()
	return &c, true
}

// keyMax is the longest key that is kept in full, since many stores and logs limit it.
const keyMax = 128

// keyOf joins the parts of a key so that different parts yield different keys. It
// returns "" if a part is empty, and a digest if the parts are long.
func keyOf(parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if p == "" {
			return ""
		}
		if i > 0 {
			b.WriteByte('|')
		}
		if strings.ContainsAny(p, `|\`) {
			p = strings.NewReplacer(`\`, `\\`, `|`, `\|`).Replace(p)
		}
		b.WriteString(p)
	}
	if b.Len() <= keyMax {
		return b.String()
	}
	sum := sha256.Sum256([]byte(b.String()))
	return "sha256:" + hex.EncodeToString(sum[:])
}
