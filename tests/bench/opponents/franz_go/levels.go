package main

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// pair is a (SKU, location) that this lane has met.
type pair struct {
	sku, location string
	stored        bool // has a row: an UPDATE will find it
	batch         int64
	slot          int
}

// levels coalesces the counts of a batch: the newest of every pair goes to the database.
type levels struct {
	pairs   map[string]*pair
	batch   int64
	winners []winner
	scratch []byte
	known   [5]array
	unseen  [5]array
}

type winner struct {
	pair  *pair
	event *event
}

func (l *levels) init() {
	l.pairs = map[string]*pair{}
	l.known = [5]array{{oid: oidText}, {oid: oidText}, {oid: oidInt8}, {oid: oidInt8}, {oid: oidTimestamptz}}
	l.unseen = l.known
}

func (l *levels) reset() {
	l.batch++
	l.winners = l.winners[:0]
}

func (l *levels) find(e *event) *pair {
	l.scratch = append(append(append(l.scratch[:0], e.sku...), 0), e.location...)
	if found, ok := l.pairs[string(l.scratch)]; ok {
		return found
	}
	fresh := &pair{sku: string(e.sku), location: string(e.location)}
	l.pairs[string(l.scratch)] = fresh
	return fresh
}

func (l *levels) add(e *event) {
	pair := l.find(e)
	if pair.batch != l.batch {
		pair.batch, pair.slot = l.batch, len(l.winners)
		l.winners = append(l.winners, winner{pair, e})
	} else if e.version > l.winners[pair.slot].event.version {
		l.winners[pair.slot].event = e
	}
}

func bind(to *[5]array, w winner) {
	to[0].addText(w.pair.sku)
	to[1].addText(w.pair.location)
	to[2].addInt8(w.event.quantity)
	to[3].addInt8(w.event.version)
	to[4].addInt8(w.event.occurredUs)
}

// write sends the winners and commits, in one round trip.
func (l *levels) write(ctx context.Context, conn *pgconn.PgConn) error {
	for at := range l.known {
		l.known[at].reset()
		l.unseen[at].reset()
	}
	for _, w := range l.winners {
		if w.pair.stored {
			bind(&l.known, w)
		} else {
			bind(&l.unseen, w)
		}
	}
	batch := &pgconn.Batch{}
	if l.known[0].count > 0 {
		batch.ExecPrepared("update", params(l.known[:]), binaryFormats[:5], nil)
	}
	if l.unseen[0].count > 0 {
		batch.ExecPrepared("insert", params(l.unseen[:]), binaryFormats[:5], nil)
	}
	batch.ExecPrepared("commit", nil, nil, nil)
	if _, err := conn.ExecBatch(ctx, batch).ReadAll(); err != nil {
		return err
	}
	for _, w := range l.winners {
		w.pair.stored = true
	}
	return nil
}
