// Package pushcases has sequences of pushes and what a host must see of them, for the tests of
// every deduplication store.
package pushcases

import (
	"fmt"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/internal/push"
)

// Step is one push of a sequence, or a pause.
type Step struct {
	Method      string
	EntID       string // "10010" if empty
	StorageCode string // "1" if empty
	TS          int64  // Unix seconds; 0 leaves it out
	Body        string

	// Runs means that the host sees it, MayRepeat that it is flagged. Stale is the outcome of
	// one that is not seen since something newer was handled; otherwise it is a repeat.
	Runs, MayRepeat, Stale bool

	Fails bool // the host's function fails; the push is not acknowledged
	// Pause is how long a cancel is remembered: the step lets it pass.
	Pause bool
}

// Sequence is a named list of steps.
type Sequence struct {
	Name  string
	Steps []Step
}

// CancelTTL is the value of callback.Config for these sequences. It passes in real time.
const CancelTTL = 300 * time.Millisecond

// runs returns the step as one that the host sees.
func (s Step) runs() Step { s.Runs = true; return s }

// flagged returns the step as one that the host sees as a possible repeat.
func (s Step) flagged() Step { s.Runs, s.MayRepeat = true, true; return s }

// stale returns the step as one that is older than what was handled.
func (s Step) stale() Step { s.Stale = true; return s }

// at returns the step with a time stamp.
func (s Step) at(ts int64) Step { s.TS = 1_700_000_000 + ts; return s }

// with returns the step with texts replaced in its body.
func (s Step) with(oldnew ...string) Step {
	s.Body = strings.NewReplacer(oldnew...).Replace(s.Body)
	return s
}

func (s Step) of(entID, storageCode string) Step {
	s.EntID, s.StorageCode = entID, storageCode
	return s
}

func (s Step) failing() Step { s.Runs, s.Fails = true, true; return s }

func seq(name string, steps ...Step) Sequence { return Sequence{name, steps} }

// The messages.
var (
	ship = Step{Method: push.Shipment, Body: `{"o_id":7,"so_id":"S","l_id":"A","lc_id":"SF","logistics_company":"顺丰",` +
		`"items":[{"oi_id":1,"sku_id":"X","qty":1,"outer_oi_id":"1"},{"oi_id":2,"sku_id":"Y","qty":2,"outer_oi_id":"2"}]}`}
	second = ship.with(`"l_id":"A"`, `"l_id":"B"`, `{"oi_id":1,"sku_id":"X","qty":1,"outer_oi_id":"1"},`, "")
	bare   = Step{Method: push.Shipment, Body: `{"o_id":7,"so_id":"S","l_id":"A"}`}
	cancel = Step{Method: push.Cancel, Body: `{"so_id":"S","remark":"part 1"}`}
	goods  = Step{Method: push.GoodsReturned, Body: `{"as_id":9,"outer_as_id":"R","so_id":"S","action_name":"确认收货","items":[{"sku_id":"X","qty":1}]}`}
	part2  = goods.with(`"X"`, `"Y"`)
	undone = goods.with("确认", "取消")
	noneIn = goods.with(`,"items":[{"sku_id":"X","qty":1}]`, "")
	allOut = noneIn.with("确认", "取消")
	stock  = Step{Method: push.Stock, Body: `{"datas":[{"shop_id":1,"sku_id":"X","qty":5,"modified":"2023-11-14 12:00:00"}]}`}
	pause  = Step{Pause: true}
)

// Sequences returns the sequences.
func Sequences() []Sequence {
	return append(append(shipments(), cancels()...), append(returns(), others()...)...)
}

func shipments() []Sequence {
	line := ship.with(`"qty":2`, `"qty":3`)
	return []Sequence{
		seq("shipment: exact repeats", ship.runs(), ship, ship),
		seq("shipment: repeats with a fresh ts", ship.at(0).runs(), ship.at(60), ship.at(3600)),
		seq("shipment: members and lines in another order, numbers as text", ship.runs(), Step{Method: ship.Method, Body: `{"items":[` +
			`{"outer_oi_id":"2","qty":"2.0","sku_id":"Y","oi_id":"2"},{"sku_id":"X","oi_id":1,"qty":1,"outer_oi_id":1}],` +
			`"logistics_company":"顺丰","lc_id":"SF","l_id":"A","so_id":"S","o_id":"7"}`}),
		seq("shipment: carrier corrected", ship.runs(), ship.with("SF", "YTO").runs(), ship.with("SF", "YTO")),
		seq("shipment: carrier suffix corrected", ship.runs(), ship.with("SF", "SF.9").runs()),
		seq("shipment: carrier name corrected", ship.runs(), ship.with("顺丰", "顺丰速运").runs(), ship.with("顺丰", "顺丰速运")),
		seq("shipment: lines corrected", ship.runs(), line.runs(), line),
		seq("shipment: name of a line corrected", ship.runs(), ship.with(`"qty":2`, `"qty":2,"name":"n"`).runs()),
		seq("shipment: time corrected", ship.with(`"l_id"`, `"send_date":"2023-11-14 12:00:00","l_id"`).runs(),
			ship.with(`"l_id"`, `"send_date":"2023-11-14 12:00:01","l_id"`).runs()),
		seq("shipment: an unknown member changes", ship.with(`"l_id"`, `"x":1,"l_id"`).runs(), ship.with(`"l_id"`, `"x":2,"l_id"`).runs(), ship.runs()),
		seq("shipment: an unknown member of a line changes", ship.with(`"qty":2`, `"qty":2,"batch":"a"`).runs(), ship.with(`"qty":2`, `"qty":2,"batch":"b"`).runs()),
		seq("shipment: waybill A, B, A", ship.runs(), ship.with(`"A"`, `"B"`).runs(), ship.flagged(), ship),
		seq("shipment: waybill A, B, A, B, A", ship.runs(), ship.with(`"A"`, `"B"`).runs(), ship.flagged(), ship.with(`"A"`, `"B"`).flagged(), ship.flagged()),
		seq("shipment: waybill A, B, A with rising ts", ship.at(0).runs(), ship.with(`"A"`, `"B"`).at(10).runs(), ship.at(20).flagged(), ship.at(30)),
		seq("shipment: waybill A, B, a late repeat of A", ship.at(0).runs(), ship.with(`"A"`, `"B"`).at(10).runs(), ship.at(0).stale(), ship.with(`"A"`, `"B"`).at(10)),
		seq("shipment: A, B, A without ts, a late B from before the first A", ship.at(10).runs(), ship.with(`"A"`, `"B"`).runs(), ship.flagged(),
			ship.with(`"A"`, `"B"`).at(5).stale()),
		seq("shipment: an old correction delivered late", ship.at(10).runs(), ship.with("SF", "YTO").at(5).stale(), ship.at(10)),
		seq("shipment: ts of the same second", ship.at(10).runs(), ship.with("SF", "YTO").at(10).runs(), ship.at(10).flagged()),
		seq("shipment: only one has a ts", ship.at(10).runs(), ship.with("SF", "YTO").runs(), ship.with("SF", "ZTO").at(5).stale()),
		seq("shipment: a ts of a clock that is some hours ahead counts", ship.at(180_000).runs(), ship.with("SF", "YTO").at(179_000).stale()),
		seq("shipment: a ts far in the future freezes nothing", ship.at(1e9).runs(), ship.with("SF", "YTO").at(10).runs()),
		seq("two parcels, each repeated in turn", ship.runs(), second.runs(), ship, second, ship, second),
		seq("two parcels, each corrected", ship.runs(), second.runs(), ship.with("SF", "YTO").runs(), second.with("SF", "YTO").runs(), second.with("SF", "YTO")),
		seq("two orders of one merged shipment, no lines", bare.runs(), bare.with(`"S"`, `"T"`).runs(), bare, bare.with(`"S"`, `"T"`)),
		seq("two parts of a split order, no lines", bare.runs(), bare.with("7", "8").runs(), bare, bare.with("7", "8")),
		seq("shipment without o_id", bare.with(`"o_id":7,`, "").runs(), bare.with(`"o_id":7,`, ""), bare.with(`"o_id":7,`, "", `"S"`, `"T"`).runs()),
		seq("shipment: fails, then repeated", ship.failing(), ship.failing(), ship.runs(), ship),
		seq("shipment: A, B fails, A is a repeat still", ship.runs(), ship.with(`"A"`, `"B"`).failing(), ship, ship.with(`"A"`, `"B"`).runs()),
	}
}

func cancels() []Sequence {
	return []Sequence{
		seq("cancel: exact repeats", cancel.runs(), cancel, cancel),
		seq("cancel of a part, then of another", cancel.runs(), cancel.with("1", "2").runs(), cancel, cancel.with("1", "2")),
		seq("cancel, upload, cancel", cancel.runs(), cancel, pause, cancel.runs(), cancel),
		seq("cancel, upload, cancel, told by ts", cancel.at(0).runs(), cancel.at(0), cancel.at(3600).runs()),
		seq("cancels of two orders", cancel.runs(), cancel.with(`"S"`, `"T"`).runs(), cancel),
		seq("cancel and shipment of one order", cancel.runs(), ship.runs(), cancel, ship),
		seq("remark null", cancel.with("part 1", "null").runs(), cancel.with("part 1", "")),
	}
}

func returns() []Sequence {
	unique := goods.with(`"as_id":9`, `"as_id":9,"unique_id":"u1"`)
	return []Sequence{
		seq("returned: exact repeats", goods.runs(), goods, goods),
		seq("returned in parts, no unique_id", goods.runs(), part2.runs(), goods, part2),
		seq("returned in 32 parts", inParts(32)...),
		seq("returned in parts of other quantities", goods.runs(), goods.with(`"qty":1`, `"qty":2`).runs(), goods, goods.with(`"qty":1`, `"qty":2`)),
		seq("the same lines with another unique_id", unique.runs(), unique.with("u1", "u2").runs(), unique, unique.with("u1", "u2")),
		seq("the same lines twice without unique_id cannot be told from a repeat", goods.runs(), goods),
		seq("received, undone, received", goods.runs(), undone.runs(), goods.flagged(), goods, undone.flagged(), undone),
		seq("received, undone, received, rising ts", goods.at(0).runs(), undone.at(10).runs(), goods.at(20).flagged(), goods.at(20)),
		seq("received, undone, a late repeat of the first", goods.at(0).runs(), undone.at(10).runs(), goods.at(0).stale(), undone.at(10)),
		seq("received, all undone without lines, received", goods.runs(), part2.runs(), allOut.runs(), allOut, goods.flagged(), part2.flagged(), goods, allOut.flagged()),
		seq("received without lines, undone, received", noneIn.runs(), noneIn, allOut.runs(), noneIn.flagged(), allOut.flagged()),
		seq("received, undone, received without ts, a late undoing from before", goods.at(10).runs(), undone.runs(), goods.flagged(), undone.at(5).stale()),
		seq("all undone, a late repeat of a receipt", goods.at(0).runs(), allOut.at(10).runs(), goods.at(0).stale()),
		seq("two after-sales", goods.runs(), goods.with("9", "8").runs(), undone.runs(), goods.with("9", "8")),
		seq("by the mall's number", goods.with(`"as_id":9,`, "").runs(), goods.with(`"as_id":9,`, ""), undone.with(`"as_id":9,`, "").runs(), goods.with(`"as_id":9,`, "").flagged()),
		seq("remark changes", goods.runs(), goods.with(`"so_id"`, `"remark":"r","so_id"`).runs(), goods.with(`"so_id"`, `"remark":"r","so_id"`)),
		seq("undoing fails, then repeated", goods.runs(), undone.failing(), goods, undone.runs(), goods.flagged()),
	}
}

// inParts returns goods in n parts, each of which is repeated once all have come.
func inParts(n int) (steps []Step) {
	for i := range 2 * n {
		part := goods.with(`"X"`, fmt.Sprintf(`"X%d"`, i%n))
		if i < n {
			part = part.runs()
		}
		steps = append(steps, part)
	}
	return steps
}

func others() []Sequence {
	return []Sequence{
		seq("another merchant", ship.runs(), ship.of("20020", "1").runs(), ship, ship.of("20020", "1")),
		seq("another storage code", goods.runs(), goods.of("10010", "2").runs(), goods),
		seq("merchant and storage code do not run together", cancel.of("1", "23").runs(), cancel.of("12", "3").runs()),
		seq("stock of two shops of one warehouse", stock.runs(), stock.with(`"shop_id":1`, `"shop_id":2`).runs()),
		seq("stock changes and changes back", stock.runs(), stock.with("5,", "6,").runs(), stock.runs()),
	}
}
