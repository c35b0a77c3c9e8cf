package main

import (
	"context"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	sqlTake = `INSERT INTO offsets AS o (partition, epoch, next_offset) VALUES ($1, 1, 0)
		ON CONFLICT (partition) DO UPDATE SET epoch = o.epoch + 1 RETURNING epoch, next_offset`
	sqlCopy = `COPY ids (id, partition, record_offset, quantity, occurred_at) FROM STDIN (FORMAT binary)`
)

var statements = map[string]string{
	"begin":  `BEGIN`,
	"commit": `COMMIT`,
	"fence": `UPDATE offsets o SET next_offset = u.reached
		FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[]) AS u(partition, epoch, old, reached)
		WHERE o.partition = u.partition AND o.epoch = u.epoch AND o.next_offset = u.old`,
	"probe": `SELECT id FROM ids WHERE id = ANY($1::uuid[])`,
	"update": `UPDATE levels l SET quantity = u.quantity, version = u.version, occurred_at = u.occurred_at
		FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::timestamptz[])
			AS u(sku, location, quantity, version, occurred_at)
		WHERE l.sku = u.sku AND l.location = u.location AND l.version < u.version`,
	"insert": `INSERT INTO levels AS l (sku, location, quantity, version, occurred_at)
		SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::timestamptz[])
		ON CONFLICT (sku, location) DO UPDATE SET quantity = excluded.quantity,
			version = excluded.version, occurred_at = excluded.occurred_at
		WHERE l.version < excluded.version`,
}

var binaryFormats = []int16{1, 1, 1, 1, 1}

func prepareAll(ctx context.Context, conn *pgconn.PgConn) error {
	if _, err := conn.Exec(ctx, planning).ReadAll(); err != nil {
		return err
	}
	for name, sql := range statements {
		if _, err := conn.Prepare(ctx, name, sql, nil); err != nil {
			return err
		}
	}
	return nil
}

func params(arrays []array) [][]byte {
	values := make([][]byte, len(arrays))
	for at := range arrays {
		values[at] = arrays[at].param()
	}
	return values
}

// reader gives COPY its bytes without a copy of its own.
type reader struct {
	bytes []byte
}

func (r *reader) Read(to []byte) (int, error) {
	if len(r.bytes) == 0 {
		return 0, io.EOF
	}
	length := copy(to, r.bytes)
	r.bytes = r.bytes[length:]
	return length, nil
}
