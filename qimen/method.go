package qimen

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

//go:generate go run ../internal/gen -qimen . -readme ../README.md -readme ../README.zh-CN.md

// Family is a set of methods that share a gateway and the form of their calls.
type Family string

// The families.
const (
	FamilyScene     Family = "scene"     // 聚水潭自定义场景: Jushuitan's own scene, jushuitan.* and the older jst.*
	FamilyPOS       Family = "pos"       // 奇门POS接口: qimen.taobao.pos.*
	FamilyWarehouse Family = "warehouse" // 奇门仓储: standard methods with known tables, taobao.qimen.*
	FamilyOther     Family = "others"    // every other method that is known by name
)

// Direction says who calls a method when DianJia stands on the store's and
// warehouse's side of Qimen, as it does for a merchant whose ERP is Jushuitan.
// Every method can be called and every method can be received whatever its
// direction: a program may as well stand on the ERP's side.
type Direction int

// The directions.
const (
	Both     Direction = iota // either side calls it, or the sources do not say which
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

// Body is the form in which a method's parameters travel.
type Body int

// The forms.
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
	GoName     string // DeliveryOrderCreate, the beginning of its types' names; "" where it has none
	Service    string // Warehouse: the service of [Client] that has it; "" where it is called by name only
	Family     Family
	Title      string // 发货单创建接口, where a source has it
	TitleEN    string // "" where no source says more than the name
	Direction  Direction
	Body       Body
	Confidence string // of the known facts: high, medium or low

	Effect jushuitan.Effect
	Key    []string // of a Keyed method, the members that make the key, as paths of wire names; see IdempotencyKey of its request
	Why    string   // reason of the effect

	Limits []string

	newRequest  func() any
	newResponse func() any
}

// ShortName is the name that the gateway forwards under: deliveryorder.create for
// taobao.qimen.deliveryorder.create. Other names are not shortened.
func (m *Method) ShortName() string { return strings.TrimPrefix(m.Name, standardPrefix) }

const standardPrefix = "taobao.qimen."

// NewRequest makes an empty request of the method's type, a pointer such as
// *DeliveryOrderCreateRequest, or nil for a method without types.
func (m *Method) NewRequest() any {
	if m.newRequest == nil {
		return nil
	}
	return m.newRequest()
}

// NewResponse makes an empty answer of the method's type, a pointer such as
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
	return c
}

// Methods is the table of every method that this package knows, a copy.
func Methods() []Method {
	out := make([]Method, len(methods))
	for i, m := range methods {
		out[i] = m.clone()
	}
	return out
}

// LookupMethod finds a method by its name, with the prefix taobao.qimen. or, as
// the gateway forwards standard methods, without it.
func LookupMethod(name string) (*Method, bool) {
	m := methodAt(name)
	if m == nil {
		return nil, false
	}
	c := m.clone()
	return &c, true
}

// keyMax is the longest key that is kept in full: many stores and logs take no
// more.
const keyMax = 128

// keyOf joins the parts of a key so that different parts give different keys. It
// is empty where a part is, and a digest where the parts are long.
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
