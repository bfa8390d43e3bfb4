// Package qimentest is a Qimen (奇门) gateway for tests: a server that verifies signed
// calls over real HTTP, answers those of Jushuitan's own scene from the documents
// of a fake Jushuitan, and forwards the others to the URLs that were registered for
// them, signed as the gateway does.
//
//	erp := jushuitantest.NewServer()
//	defer erp.Close()
//	gateway := qimentest.NewServer(qimentest.WithERP(erp))
//	defer gateway.Close()
//	client, err := gateway.Client()
//
// The scene (jushuitan.*, jst.*) shows the documents that the open API of the same
// jushuitantest server shows, and also the orders of Taobao, Tmall and Pinduoduo. The clock
// is that server's. [Server.Register] registers the receiver of the standard warehouse
// methods and the POS methods of a customer, for example a [qimen.Mux]. [Server.Inject]
// injects faults, and [Server.Speak] makes the server answer in another form that gateways
// may use ([Dialects], [Guesses]).
//
// The server refuses a call without a method (21), with an unknown method or a standard one
// without its prefix (22), with a missing (40) or invalid (41) parameter, of an unknown app
// (29), with a wrong signature (25), and one whose time stamp is more than 10 minutes off
// (41). Invalid parameters of the scene are answered with Jushuitan's codes (100, 120, 140,
// 180).
//
// The package never contacts the real gateway. Behaviour that no source documents is marked
// as an assumption.
package qimentest
