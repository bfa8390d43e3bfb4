package push

import (
	"bytes"
	"slices"
)

// AppendEarlierKey appends the deduplication key that the module made of a message before it
// remembered the states of documents, or nothing for a kind without one. It is for the day after
// an update, on which such keys are still stored.
func (k *Kind) AppendEarlierKey(b []byte, m Message) []byte {
	switch k.Method {
	case Shipment:
		return appendEarlierLines(appendParts(b, m, []Part{{"o_id", "so_id"}, {"l_id"}}), m)
	case Cancel:
		return appendParts(b, m, []Part{{"so_id"}})
	case GoodsReturned:
		return appendParts(b, m, []Part{{"as_id", "outer_as_id"}, {"action_name"}, {"unique_id"}})
	}
	return b
}

// EarlierIdentifies reports whether that key identifies the event. Where it does not, nothing
// follows from it: for a cancel, for goods without unique_id, and for a shipment whose so_id it
// does not have.
func (k *Kind) EarlierIdentifies(m Message) bool {
	switch k.Method {
	case Shipment:
		return earlierShipment(m)
	case GoodsReturned:
		return len(m.AppendMember(nil, Whole, "unique_id")) > 0
	}
	return false
}

// earlierShipment reports whether the key has the message's so_id: instead of an o_id, or as
// that of a line.
func earlierShipment(m Message) bool {
	soID := m.AppendMember(nil, Whole, "so_id")
	if string(m.AppendMember(nil, Whole, "o_id")) == "0" || len(soID) == 0 {
		return true
	}
	for line := range m.Lines() {
		if bytes.Equal(m.AppendMember(nil, line, "so_id"), soID) {
			return true
		}
	}
	return false
}

func appendEarlierLines(b []byte, m Message) []byte {
	lines := make([][]byte, m.Lines())
	for line := range lines {
		var text []byte
		for _, name := range []string{"outer_oi_id", "so_id", "sku_id", "qty"} {
			text = appendMember(text, m, line, name)
		}
		lines[line] = m.AppendMember(text, line, "oi_id")
	}
	slices.SortFunc(lines, bytes.Compare)
	for _, line := range lines {
		b = AppendPart(b, line)
	}
	return b
}
