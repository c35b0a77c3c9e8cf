package main

import "encoding/binary"

// PostgreSQL's binary forms, written by hand into buffers that are used again: array
// parameters and the rows of COPY.

const (
	oidInt4        = 23
	oidInt8        = 20
	oidText        = 25
	oidUUID        = 2950
	oidTimestamptz = 1184
)

// array is a one-dimensional array parameter under construction.
type array struct {
	oid   uint32
	count int
	bytes []byte
}

func (a *array) reset() {
	a.count = 0
	a.bytes = append(a.bytes[:0], make([]byte, 20)...)
}

func (a *array) param() []byte {
	be := binary.BigEndian
	dimensions := uint32(1)
	if a.count == 0 {
		dimensions = 0
	}
	be.PutUint32(a.bytes[0:], dimensions)
	be.PutUint32(a.bytes[4:], 0) // no nulls
	be.PutUint32(a.bytes[8:], a.oid)
	be.PutUint32(a.bytes[12:], uint32(a.count))
	be.PutUint32(a.bytes[16:], 1) // the lower bound
	if a.count == 0 {
		return a.bytes[:12]
	}
	return a.bytes
}

func (a *array) addInt4(value int32) {
	a.count++
	a.bytes = appendInt4(a.bytes, value)
}

func (a *array) addInt8(value int64) {
	a.count++
	a.bytes = appendInt8(a.bytes, value)
}

func (a *array) addBytes(value []byte) {
	a.count++
	a.bytes = appendField(a.bytes, value)
}

func (a *array) addText(value string) {
	a.count++
	a.bytes = binary.BigEndian.AppendUint32(a.bytes, uint32(len(value)))
	a.bytes = append(a.bytes, value...)
}

func appendInt4(to []byte, value int32) []byte {
	to = binary.BigEndian.AppendUint32(to, 4)
	return binary.BigEndian.AppendUint32(to, uint32(value))
}

func appendInt8(to []byte, value int64) []byte {
	to = binary.BigEndian.AppendUint32(to, 8)
	return binary.BigEndian.AppendUint64(to, uint64(value))
}

func appendField(to, value []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(value)))
	return append(to, value...)
}

var (
	copyHead = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTail = []byte{0xff, 0xff}
)
