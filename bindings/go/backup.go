package sidelite

import (
	"context"
	"time"
)

// CopyOptions are how a database is copied. The zero value copies "main" in steps of a hundred pages.
type CopyOptions struct {
	// Pages of a step; -1 for all in one.
	Pages int
	// Sleep is how long to wait between two steps.
	Sleep time.Duration
	// Schema and ToSchema are those of the source and of the target; "main" if they are "".
	Schema, ToSchema string
	// Progress, if not nil, is called between steps, on the goroutine of the caller. Steps that come while it runs are
	// passed over but for the last.
	Progress func(remaining, total int64)
}

// Backup copies the database to a file, step by step, while other requests go on. When it fails or is cancelled, the
// file is as it was before.
func (c *Conn) Backup(ctx context.Context, path string, options CopyOptions) error {
	return c.backup(ctx, path, options)
}

// BackupTo copies the database over that of another connection, whose requests wait meanwhile.
func (c *Conn) BackupTo(ctx context.Context, to *Conn, options CopyOptions) error {
	if to.link.isGone() {
		return newStatus(ErrClosed, "")
	}
	return c.backup(ctx, int64(to.link.handle), options)
}

func (c *Conn) backup(ctx context.Context, to any, options CopyOptions) error {
	return c.copy(ctx, kindBackup, options.Progress, to, pagesOf(options), millisecondsOf(options.Sleep, 1<<31-1),
		orNull(options.Schema), orNull(options.ToSchema))
}

// Restore replaces the database by the one in a file. When it fails or is cancelled, the database is as it was before.
func (c *Conn) Restore(ctx context.Context, path string, options CopyOptions) error {
	return c.copy(ctx, kindRestore, options.Progress, path, pagesOf(options), orNull(options.Schema))
}

func pagesOf(options CopyOptions) any {
	if options.Pages == 0 {
		return nil
	}
	return int64(options.Pages)
}

// copying tells of its steps on the way.
type copying struct {
	request *request
	steps   chan [2]int64
}

func (c *copying) onEvent(e *event) {
	if !e.isFinal() {
		row := Row{block: copyBlock(e.result)}
		offer(c.steps, [2]int64{row.Int64(0), row.Int64(1)})
		return
	}
	c.request.onEvent(e)
}

// offer puts a step in the place of one that nobody has taken.
func offer(steps chan [2]int64, step [2]int64) {
	for {
		select {
		case steps <- step:
			return
		default:
		}
		select {
		case <-steps:
		default:
		}
	}
}

func (c *Conn) copy(ctx context.Context, kind uint32, progress func(remaining, total int64), arguments ...any) error {
	if ctx.Err() != nil {
		return notSent(ctx)
	}
	r := newRequest()
	defer r.release()
	if err := r.packet.arguments(r.packet.add(kind, 0), arguments); err != nil {
		return err
	}
	task := &copying{r, make(chan [2]int64, 1)}
	out, status := c.link.submit(&r.packet, task, 1, nil)
	if status != 0 {
		return c.link.refusal(status, 0)
	}
	if progress == nil {
		progress = func(_, _ int64) {}
	}
	if !task.wait(ctx, out, progress) {
		return notSent(ctx)
	}
	if r.end.code != 0 {
		return c.link.failure(ctx, &r.end, r.block)
	}
	return nil
}

// wait returns when the copy has ended, also when the function panics. False: it never began.
func (c *copying) wait(ctx context.Context, out sent, progress func(remaining, total int64)) bool {
	hasEnded := false
	defer func() {
		// Only a panic comes here before its end.
		if !hasEnded {
			out.end(c.request.done)
		}
	}()
	for {
		select {
		case step := <-c.steps:
			progress(step[0], step[1])
		case <-c.request.done:
			hasEnded = true
			c.last(progress)
			return true
		case <-ctx.Done():
			hasEnded = true
			return out.end(c.request.done)
		}
	}
}

// last tells of a step that came together with the end.
func (c *copying) last(progress func(remaining, total int64)) {
	select {
	case step := <-c.steps:
		progress(step[0], step[1])
	default:
	}
}

// Serialize is the database as it would be in a file. The schema is "main" if it is "".
func (l *lane) Serialize(ctx context.Context, schema string) ([]byte, error) {
	b, _, err := l.command(ctx, kindSerialize, orNull(schema))
	if err != nil {
		return nil, err
	}
	return b.raw(b.cell(0, 0)), nil
}

// DeserializeOptions are how an image is put in place.
type DeserializeOptions struct {
	Schema   string // "main" if it is ""
	ReadOnly bool
}

// Deserialize replaces the database by an image of one, which then lives in memory.
func (l *lane) Deserialize(ctx context.Context, image []byte, options DeserializeOptions) error {
	_, _, err := l.command(ctx, kindDeserialize, image, orNull(options.Schema), options.ReadOnly)
	return err
}

// Dump gives the SQL that makes the database again, one statement a row. The filter is a LIKE pattern for names, "" for
// all. For one moment's state dump inside of a transaction.
func (l *lane) Dump(ctx context.Context, filter string) (*Rows, error) {
	return l.stream(ctx, kindDump, "", []any{orNull(filter)})
}

// ScriptFile runs the SQL in a file, as Script does.
func (l *lane) ScriptFile(ctx context.Context, path string) error {
	_, _, err := l.command(ctx, kindScriptFile, path)
	return err
}
