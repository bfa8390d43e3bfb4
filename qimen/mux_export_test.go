package qimen

import (
	"context"
	"reflect"
)

// HandleAny is [Handle] for a method that a test takes from the table.
func (m *Mux) HandleAny(method Method, fn func(ctx context.Context, env Envelope, req any) (any, error)) {
	route := &muxRoute{method: methodAt(method.Name), newReq: method.newRequest, handle: fn}
	route.texts = textMembers(typeOf(method.newRequest()))
	m.add(method.Name, route)
}

func typeOf(request any) reflect.Type { return reflect.TypeOf(request).Elem() }
