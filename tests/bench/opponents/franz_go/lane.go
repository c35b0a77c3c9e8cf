package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kgo"
)

type progress struct {
	epoch, next, reached int64
	touched              bool
}

// entry is an event of the batch, ordered by its key for the index's sake.
type entry struct {
	prefix    uint64
	at        int32
	duplicate bool
}

// lane owns some partitions and one connection; nothing of it is shared but `in` and `parts`.
type lane struct {
	worker  *worker
	conn    *pgconn.PgConn
	control *pgconn.PgConn // of take, which runs beside the lane
	in      chan []*kgo.Record
	waiting []*kgo.Record
	parts   map[int32]*progress
	events  []event
	entries []entry
	levels  levels
	fence   [4]array
	keys    array
	rows    []byte
}

// The planner shall use the indexes whatever it guesses about tables that were empty a moment ago.
const planning = `SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off`

func openLane(ctx context.Context, w *worker) (*lane, error) {
	conn, err := pgconn.Connect(ctx, w.dsn)
	if err != nil {
		return nil, err
	}
	control, err := pgconn.Connect(ctx, w.dsn)
	if err != nil {
		return nil, err
	}
	l := &lane{worker: w, conn: conn, control: control, in: make(chan []*kgo.Record, chunksHeld),
		parts: map[int32]*progress{}, keys: array{oid: oidUUID}}
	l.fence = [4]array{{oid: oidInt4}, {oid: oidInt8}, {oid: oidInt8}, {oid: oidInt8}}
	l.levels.init()
	return l, prepareAll(ctx, conn)
}

// take is called while the lane has nothing of the partition in hand.
func (l *lane) take(ctx context.Context, partition int32) (int64, error) {
	text := []byte(fmt.Sprint(partition))
	result := l.control.ExecParams(ctx, sqlTake, [][]byte{text}, nil, nil, []int16{1, 1}).Read()
	if result.Err != nil {
		return 0, result.Err
	}
	row := result.Rows[0]
	epoch, next := int64(binary.BigEndian.Uint64(row[0])), int64(binary.BigEndian.Uint64(row[1]))
	l.parts[partition] = &progress{epoch: epoch, next: next}
	return next, nil
}

func (l *lane) run(ctx context.Context) error {
	for {
		if len(l.waiting) == 0 {
			select {
			case chunk := <-l.in:
				l.waiting = chunk
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		batch := l.gather()
		if err := l.apply(ctx, batch); err != nil {
			return err
		}
		l.worker.note(len(batch))
	}
}

// gather takes what is there, up to a batch: it is the database being idle that closes a batch.
func (l *lane) gather() []*kgo.Record {
	for len(l.waiting) < batchMax {
		select {
		case chunk := <-l.in:
			l.waiting = append(l.waiting, chunk...)
			continue
		default:
		}
		break
	}
	batch := l.waiting[:min(batchMax, len(l.waiting))]
	l.waiting = l.waiting[len(batch):]
	return batch
}

func (l *lane) apply(ctx context.Context, batch []*kgo.Record) error {
	l.decode(batch)
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := l.copyNew(ctx, batch); err != nil {
		return err
	}
	if err := l.levels.write(ctx, l.conn); err != nil {
		return err
	}
	for _, part := range l.parts {
		part.next, part.touched = part.reached, false
	}
	return nil
}

// decode fills events and entries, sorted by key, repeats within the batch marked.
func (l *lane) decode(batch []*kgo.Record) {
	l.events = slices.Grow(l.events[:0], len(batch))[:len(batch)]
	l.entries = l.entries[:0]
	for at, record := range batch {
		part := l.parts[record.Partition]
		part.reached, part.touched = record.Offset+1, true
		e := &l.events[at]
		if err := parseEvent(record.Value, e); err != nil {
			log.Printf("skipped %d/%d: %v", record.Partition, record.Offset, err)
			continue
		}
		l.entries = append(l.entries, entry{prefix: binary.BigEndian.Uint64(e.key[:8]), at: int32(at)})
	}
	slices.SortFunc(l.entries, func(a, b entry) int {
		if order := cmp.Compare(a.prefix, b.prefix); order != 0 {
			return order
		}
		return cmp.Compare(a.at, b.at)
	})
	for at := 1; at < len(l.entries); at++ {
		for before := at - 1; before >= 0 && l.entries[before].prefix == l.entries[at].prefix; before-- {
			if l.events[l.entries[before].at].key == l.events[l.entries[at].at].key {
				l.entries[at].duplicate = true
			}
		}
	}
}

// begin opens the transaction, moves the fence and probes the ids, all in one round trip.
func (l *lane) begin(ctx context.Context) error {
	wanted := l.bindFence()
	l.keys.reset()
	for _, entry := range l.entries {
		l.keys.addBytes(l.events[entry.at].key[:])
	}
	batch := &pgconn.Batch{}
	batch.ExecPrepared("begin", nil, nil, nil)
	batch.ExecPrepared("fence", params(l.fence[:]), binaryFormats[:4], nil)
	batch.ExecPrepared("probe", [][]byte{l.keys.param()}, binaryFormats[:1], binaryFormats[:1])
	results, err := l.conn.ExecBatch(ctx, batch).ReadAll()
	if err != nil {
		return err
	}
	if moved := results[1].CommandTag.RowsAffected(); moved != wanted {
		return fmt.Errorf("%d of %d partitions belong to somebody else", wanted-moved, wanted)
	}
	l.markKnown(results[2].Rows)
	return nil
}

func (l *lane) bindFence() int64 {
	for at := range l.fence {
		l.fence[at].reset()
	}
	for partition, part := range l.parts {
		if part.touched {
			l.fence[0].addInt4(partition)
			l.fence[1].addInt8(part.epoch)
			l.fence[2].addInt8(part.next)
			l.fence[3].addInt8(part.reached)
		}
	}
	return int64(l.fence[0].count)
}

func (l *lane) markKnown(rows [][][]byte) {
	if len(rows) == 0 {
		return
	}
	known := make(map[[16]byte]struct{}, len(rows))
	for _, row := range rows {
		known[[16]byte(row[0])] = struct{}{}
	}
	for at := range l.entries {
		if _, found := known[l.events[l.entries[at].at].key]; found {
			l.entries[at].duplicate = true
		}
	}
}

// copyNew sends the new ids by COPY into the keyed table and hands their levels on.
func (l *lane) copyNew(ctx context.Context, batch []*kgo.Record) error {
	l.rows = append(l.rows[:0], copyHead...)
	l.levels.reset()
	for _, entry := range l.entries {
		if entry.duplicate {
			continue
		}
		e := &l.events[entry.at]
		l.rows = append(l.rows, 0, 5)
		l.rows = appendField(l.rows, e.key[:])
		l.rows = appendInt4(l.rows, batch[entry.at].Partition)
		l.rows = appendInt8(l.rows, batch[entry.at].Offset)
		l.rows = appendInt8(l.rows, e.quantity)
		l.rows = appendInt8(l.rows, e.occurredUs)
		l.levels.add(e)
	}
	l.rows = append(l.rows, copyTail...)
	_, err := l.conn.CopyFrom(ctx, &reader{bytes: l.rows}, sqlCopy)
	return err
}
