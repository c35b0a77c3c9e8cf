package main

import (
	"testing"
	"time"
)

const plain = `{"type": "stock.counted", "source": "wms", "id": "a1", "sku": "SKU-1", "location": "BER", ` +
	`"quantity": -3, "occurred_at": "2026-11-25T12:00:01.250Z", "version": 7, "note": "x, y} {"}`

func parse(t *testing.T, text string) event {
	t.Helper()
	var e event
	if err := parseEvent([]byte(text), &e); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

func TestPlainAndEscapedSpellingsAgree(t *testing.T) {
	var flat event
	if err := parseFlat([]byte(plain), &flat); err != nil {
		t.Fatalf("the usual form went to encoding/json: %v", err)
	}
	first := parse(t, plain)
	if string(first.sku) != "SKU-1" || first.quantity != -3 || first.version != 7 {
		t.Fatalf("read %+v", first)
	}
	escaped := `{"source":"wms","id":"\u00611","sku":"SKU-1","location":"BER","quantity":-3,"version":7,` +
		`"occurred_at":"2026-11-25T13:00:01.25+01:00","nested":{"sku":"other"}}`
	second := parse(t, escaped)
	if first.key != second.key || first.occurredUs != second.occurredUs {
		t.Fatalf("%+v is not %+v", first, second)
	}
}

func TestTimesAgreeWithTheLibrary(t *testing.T) {
	for _, text := range []string{"2000-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z",
		"2026-12-31T10:20:30.400Z", "2100-03-01T00:00:00.001Z"} {
		when, err := time.Parse(time.RFC3339, text)
		got, ok := readUTC([]byte(text))
		if err != nil || !ok || got != when.UnixMicro()-epoch2000Us {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
}

func TestBrokenEventsAreRefused(t *testing.T) {
	for _, text := range []string{``, `{`, `[]`, `{"sku": }`, plain[:100], `{"sku":"A","location":"B"}`} {
		var e event
		if err := parseEvent([]byte(text), &e); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
