package sidelite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
)

// Statement is one of a batch.
type Statement struct {
	SQL       string
	Arguments []any
	// Rows, if not nil, run the statement once for each row of values, in place of Arguments.
	Rows iter.Seq[[]any]
}

// Outcome is what a statement of a batch has done.
type Outcome struct {
	Result
	Rows []Row
}

// BatchError tells which statement of a batch has failed, and undone the others.
type BatchError struct {
	Index int
	Err   error
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("statement %d of the batch: %v", e.Index, e.Err)
}

// Unwrap is the error of the statement.
func (e *BatchError) Unwrap() error { return e.Err }

// Batch runs statements as one transaction, all of them or none, in one hop: in a savepoint where a transaction is
// open. They must not begin or end a transaction. The error is a *BatchError when one of them has failed.
func (l *lane) Batch(ctx context.Context, statements ...Statement) ([]Outcome, error) {
	if len(statements) == 0 {
		return nil, nil
	}
	r, err := l.begin()
	if err != nil {
		return nil, err
	}
	defer r.release()
	for i, statement := range statements {
		if err := statement.write(&r.packet, l.id); err != nil {
			return nil, &BatchError{i, err}
		}
	}
	r.packet.records[0].flags = flagAtomic
	outcomes, err := l.runBatch(ctx, &r.packet)
	runtime.KeepAlive(l.conn)
	return outcomes, err
}

// ExecMany runs a statement once for each row of values, all of them or none, in one hop: the way to write many rows.
//
//	db.ExecMany(ctx, "INSERT INTO city VALUES (?, ?)", slices.Values([][]any{{"Oslo", 709037}, {"Bergen", 291940}}))
//
// A row may be the same slice each time, with other values. Without rows it does nothing.
func (l *lane) ExecMany(ctx context.Context, sql string, rows iter.Seq[[]any]) (Result, error) {
	r, err := l.begin()
	if err != nil {
		return Result{}, err
	}
	defer r.release()
	record := r.packet.add(kindExecute, l.id)
	record.flags = flagAtomic
	r.packet.setSQL(record, sql)
	count, err := r.packet.rows(record, rows)
	if count == 0 || err != nil {
		return Result{}, err
	}
	_, end, err := l.finish(ctx, r)
	return resultOf(&end, err)
}

func (s *Statement) write(p *packet, lane int64) error {
	record := p.add(kindFetch, lane)
	p.setSQL(record, s.SQL)
	if s.Rows == nil {
		return p.arguments(record, s.Arguments)
	}
	count, err := p.rows(record, s.Rows)
	if err == nil && count == 0 {
		err = errors.New("sidelite: no rows of values")
	}
	return err
}

// batch has the final events of an array.
type batch struct {
	done   chan struct{}
	ends   []event
	blocks []*block
	left   int
}

func (b *batch) onEvent(e *event) {
	if !e.isFinal() {
		return
	}
	var copied *block
	if hasRows(e.result) || e.code != 0 {
		copied = copyBlock(e.result)
	}
	b.ends = append(b.ends, *e)
	b.blocks = append(b.blocks, copied)
	if b.left--; b.left == 0 {
		b.done <- struct{}{}
	}
}

func (l *lane) runBatch(ctx context.Context, p *packet) ([]Outcome, error) {
	if ctx.Err() != nil {
		return nil, notSent(ctx)
	}
	link, n := l.conn.link, len(p.records)
	b := &batch{done: make(chan struct{}, 1), left: n, ends: make([]event, 0, n), blocks: make([]*block, 0, n)}
	out, status := link.submit(p, b, n, b.done)
	if status != 0 {
		return nil, link.refusal(status, l.id)
	}
	if !out.wait(ctx, l.stop(), b.done) {
		return nil, notSent(ctx)
	}
	return b.outcomes(ctx, link, out.id)
}

// outcomes are in the order of the statements, or the error of the one for which the others are ABORTED.
func (b *batch) outcomes(ctx context.Context, link *link, id int64) ([]Outcome, error) {
	outcomes := make([]Outcome, len(b.ends))
	var failed *BatchError
	for i := range b.ends {
		end := &b.ends[i]
		index := int(end.id - id)
		if end.code == 0 {
			outcomes[index] = Outcome{Result{end.changes, end.lastRowID}, rowsOf(b.blocks[i])}
			continue
		}
		if failed == nil || end.code != int32(ErrAborted) {
			failed = &BatchError{index, link.failure(ctx, end, b.blocks[i])}
		}
	}
	if failed != nil {
		return nil, failed
	}
	return outcomes, nil
}

// rowsOf are all rows of a result.
func rowsOf(b *block) []Row {
	if b == nil || b.nrows == 0 {
		return nil
	}
	rows := make([]Row, b.nrows)
	for i := range rows {
		rows[i] = Row{block: b, index: i}
	}
	return rows
}
