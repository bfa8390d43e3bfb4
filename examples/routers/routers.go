// Package routers mounts the push receiver and the authorisation handler in
// net/http, chi, gin and echo. Both are plain http.Handlers, so that a wrapper of
// the router is all there is to it.
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

// NetHTTP mounts both in a mux of net/http.
func NetHTTP(pushes *callback.Receiver, granted http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(Prefix, pushes)
	mux.Handle(Authorized, granted)
	return mux
}

// Chi mounts both in a router of chi.
func Chi(pushes *callback.Receiver, granted http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Handle(Prefix+"*", pushes)
	r.Handle(Authorized, granted)
	return r
}

// Gin mounts both in an engine of gin. Its default logger writes whole queries,
// tokens included: this engine has none.
func Gin(pushes *callback.Receiver, granted http.Handler) http.Handler {
	r := gin.New()
	r.Any(Prefix+"*kind", gin.WrapH(pushes))
	r.Any(Authorized, gin.WrapH(granted))
	return r
}

// Echo mounts both in an instance of echo.
func Echo(pushes *callback.Receiver, granted http.Handler) http.Handler {
	r := echo.New()
	r.Any(Prefix+"*", echo.WrapHandler(pushes))
	r.Any(Authorized, echo.WrapHandler(granted))
	return r
}
