// Package routers mounts the push receiver and the authorisation handler in net/http, chi,
// gin and echo. Both are plain http.Handlers, so the router's own wrapper is all that is
// needed.
package routers

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/dianjia/jushuitan-go/callback"
)

// Prefix is the path of the four registered URLs, before delivery_callback,
// cancal_callback, return_goods_callback and stock_callback.
const Prefix = "/dex/jushuitan/"

// Authorized is the path of the authorisation redirect.
const Authorized = "/jushuitan/authorized"

// NetHTTP mounts both in a net/http mux.
func NetHTTP(pushes *callback.Receiver, granted http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(Prefix, pushes)
	mux.Handle(Authorized, granted)
	return mux
}

// Chi mounts both in a chi router.
func Chi(pushes *callback.Receiver, granted http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Handle(Prefix+"*", pushes)
	r.Handle(Authorized, granted)
	return r
}

// Gin mounts both in a gin engine. Gin's default logger writes whole query strings, tokens
// included, so this engine has none.
func Gin(pushes *callback.Receiver, granted http.Handler) http.Handler {
	r := gin.New()
	r.Any(Prefix+"*kind", gin.WrapH(pushes))
	r.Any(Authorized, gin.WrapH(granted))
	return r
}

// Echo mounts both in an echo instance.
func Echo(pushes *callback.Receiver, granted http.Handler) http.Handler {
	r := echo.New()
	r.Any(Prefix+"*", echo.WrapHandler(pushes))
	r.Any(Authorized, echo.WrapHandler(granted))
	return r
}
