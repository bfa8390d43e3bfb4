// Package flows holds what the programs of the six business flows share: a report that
// numbers steps, shows deliberate failures and checks what must hold, the bindings of the
// demo merchant, and the table of a transfer's differences. What a flow does is in a
// package beside its program.
//
// Every flow shows the same seven failures. If a flow cannot have one, it says why and
// shows the nearest real failure (*):
// shows the nearest real thing (*):
//
//	flow                       1 store ships     2 warehouse ships  3 allocation        4 replenishment     5 return            6 store to store
//	partial_shipment           order in parts    two parcels        4 of 6 picked       4 of 5 picked       1 of 2 packed       3 of 4 packed
//	cancel_after_shipping      ERP refuses       ERP refuses        ERP refuses         host looks, refuses host looks, refuses ERP refuses
//	carrier_unknown            staff's carrier   push refused       on the document     on the document     store's carrier     * goes into the remark
//	sku_unknown                downloaded        uploaded           upload refused      upload refused      upload refused      upload refused
//	token_expired              renewed           renewed            renewed             renewed             renewed             renewed
//	duplicate_push             * job runs twice  repeat known       * job runs twice    * job runs twice    * job runs twice    * answer lost
//	push_lost_found_reconcile  * poll missed     callback.Reconcile * poll missed       * poll missed       * poll missed       * poll missed
//
// Flow 1 has no push because Jushuitan pushes to self-owned malls (商家自有商城) only, and flows
// 3 to 6 have none because there is no kind of push for transfers: see [NoPush]. Flow 6 has
// no carrier because no API accepts one for goods that a store ships to another.
package flows
