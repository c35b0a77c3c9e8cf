package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// event is one stock count. Its bytes are those of the record wherever nothing was escaped.
type event struct {
	source, id, sku, location []byte
	occurredAt                []byte
	quantity, version         int64
	key                       [16]byte // hash of source, SKU and id
	occurredUs                int64    // since 2000, as PostgreSQL counts
}

var errShape = errors.New("not a flat object")

// parseEvent reads the flat object that producers send; anything else goes to encoding/json.
func parseEvent(value []byte, out *event) error {
	*out = event{}
	err := errShape
	if bytes.IndexByte(value, '\\') < 0 { // nothing is escaped: strings are the record's bytes
		err = parseFlat(value, out)
	}
	if err != nil {
		if err := parseAny(value, out); err != nil {
			return err
		}
	}
	if len(out.sku) == 0 || len(out.location) == 0 || len(out.id) == 0 {
		return errors.New("a field is missing")
	}
	return finishEvent(out)
}

func parseFlat(text []byte, out *event) error {
	at := skipSpace(text, 0)
	if at >= len(text) || text[at] != '{' {
		return errShape
	}
	for {
		name, next, ok := readString(text, skipSpace(text, at+1))
		if !ok {
			return errShape
		}
		at = skipSpace(text, next)
		if at >= len(text) || text[at] != ':' {
			return errShape
		}
		token, next, ok := readToken(text, skipSpace(text, at+1))
		if !ok || !out.set(name, token) {
			return errShape
		}
		at = skipSpace(text, next)
		if at < len(text) && text[at] == '}' {
			return nil
		}
		if at >= len(text) || text[at] != ',' {
			return errShape
		}
	}
}

func skipSpace(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}

func readString(text []byte, at int) (token []byte, next int, ok bool) {
	if at >= len(text) || text[at] != '"' {
		return nil, 0, false
	}
	length := bytes.IndexByte(text[at+1:], '"')
	if length < 0 {
		return nil, 0, false
	}
	return text[at+1 : at+1+length], at + length + 2, true
}

func readToken(text []byte, at int) (token []byte, next int, ok bool) {
	if at < len(text) && text[at] == '"' {
		return readString(text, at)
	}
	end := at
	for end < len(text) && text[end] != ',' && text[end] != '}' && text[end] > ' ' {
		end++
	}
	return text[at:end], end, end > at && text[at] != '{' && text[at] != '['
}

func (e *event) set(name, token []byte) bool {
	switch string(name) {
	case "source":
		e.source = token
	case "id":
		e.id = token
	case "sku":
		e.sku = token
	case "location":
		e.location = token
	case "occurred_at":
		e.occurredAt = token
	case "quantity":
		return readInteger(token, &e.quantity)
	case "version":
		return readInteger(token, &e.version)
	}
	return true
}

func readInteger(token []byte, out *int64) bool {
	value, err := strconv.ParseInt(string(token), 10, 64) // does not allocate
	*out = value
	return err == nil
}

func parseAny(value []byte, out *event) error {
	var fields struct {
		Source, ID, SKU, Location string
		OccurredAt                string `json:"occurred_at"`
		Quantity, Version         int64
	}
	if err := json.Unmarshal(value, &fields); err != nil {
		return err
	}
	*out = event{source: []byte(fields.Source), id: []byte(fields.ID), sku: []byte(fields.SKU),
		location: []byte(fields.Location), occurredAt: []byte(fields.OccurredAt),
		quantity: fields.Quantity, version: fields.Version}
	return nil
}

func finishEvent(e *event) error {
	var room [512]byte
	text := append(append(room[:0], e.source...), 0)
	text = append(append(text, e.sku...), 0)
	sum := sha256.Sum256(append(text, e.id...))
	copy(e.key[:], sum[:])
	var ok bool
	if e.occurredUs, ok = readUTC(e.occurredAt); ok {
		return nil
	}
	when, err := time.Parse(time.RFC3339, string(e.occurredAt))
	e.occurredUs = when.UnixMicro() - epoch2000Us
	return err
}

const epoch2000Us = 946684800 * 1000000

// readUTC reads 2026-11-25T12:00:00.123Z, the usual form.
func readUTC(text []byte) (int64, bool) {
	if len(text) != 24 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
		text[16] != ':' || text[19] != '.' || text[23] != 'Z' {
		return 0, false
	}
	year, month, day := digits(text[0:4]), digits(text[5:7]), digits(text[8:10])
	hour, minute, second, ms := digits(text[11:13]), digits(text[14:16]), digits(text[17:19]), digits(text[20:23])
	if year < 2000 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
		minute > 59 || second < 0 || second > 59 || ms < 0 {
		return 0, false
	}
	days := daysSince2000(year, month, day)
	return (((days*24+hour)*60+minute)*60+second)*1000000 + ms*1000, true
}

func digits(text []byte) int64 {
	value := int64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			return -1 << 40
		}
		value = value*10 + int64(c-'0')
	}
	return value
}

// daysSince2000 counts in years that begin in March, so that the leap day is the last.
func daysSince2000(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 730425
}
