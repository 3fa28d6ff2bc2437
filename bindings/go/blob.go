package sidelite

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Blob is a BLOB or TEXT cell that is read and written in parts. Its size stays. It is an io.ReadWriteSeeker,
// io.ReaderAt, io.WriterAt and io.Closer; these take no context, and use the one that it was opened with.
//
// When its row is changed by other means it fails with ErrAbort: open it again.
type Blob struct {
	lane   *lane
	ctx    context.Context
	handle int64

	mu     sync.Mutex
	size   int64
	offset int64
}

var (
	_ io.ReadWriteSeeker = (*Blob)(nil)
	_ io.ReaderAt        = (*Blob)(nil)
	_ io.WriterAt        = (*Blob)(nil)
	_ io.Closer          = (*Blob)(nil)
	_ io.WriterTo        = (*Blob)(nil)
)

// BlobOptions are how a cell is opened.
type BlobOptions struct {
	Writable bool
	Schema   string // "main" if it is ""
}

// OpenBlob opens a cell for reading, or for writing as well. It ends with Close, or with the connection.
func (l *lane) OpenBlob(ctx context.Context, table, column string, rowID int64, options BlobOptions) (*Blob, error) {
	b, _, err := l.command(ctx, kindBlobOpen, table, column, rowID, options.Writable, orNull(options.Schema))
	if err != nil {
		return nil, err
	}
	row := Row{block: b}
	return &Blob{lane: l, ctx: ctx, handle: row.Int64(0), size: row.Int64(1)}, nil
}

// orNull leaves an argument to its default.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// Size is that of the cell, in bytes.
func (b *Blob) Size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

var errOffset = errors.New("sidelite: a negative offset")

// ReadAt reads from an offset.
func (b *Blob) ReadAt(p []byte, offset int64) (int, error) {
	size := b.Size()
	if offset < 0 {
		return 0, errOffset
	}
	count := min(int64(len(p)), max(size-offset, 0))
	if count > 0 {
		read, _, err := b.lane.command(b.ctx, kindBlobRead, b.handle, offset, count)
		if err != nil {
			return 0, err
		}
		copy(p, read.raw(read.cell(0, 0)))
	}
	if count < int64(len(p)) {
		return int(count), io.EOF
	}
	return int(count), nil
}

// WriteAt writes at an offset. What goes beyond the end is not written at all, and is an error.
func (b *Blob) WriteAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errOffset
	}
	if offset+int64(len(p)) > b.Size() {
		return 0, io.ErrShortWrite
	}
	if len(p) == 0 {
		return 0, nil
	}
	if _, _, err := b.lane.command(b.ctx, kindBlobWrite, b.handle, p, offset); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Read reads on.
func (b *Blob) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.ReadAt(p, b.position())
	b.advance(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Write writes on.
func (b *Blob) Write(p []byte) (int, error) {
	n, err := b.WriteAt(p, b.position())
	b.advance(n)
	return n, err
}

// copyBytes is how much WriteTo has in memory: each part is a hop.
const copyBytes = 256 << 10

// WriteTo writes all that is left to a writer, in large parts.
func (b *Blob) WriteTo(w io.Writer) (int64, error) {
	// A plain reader, or io.Copy would come back here.
	reader := struct{ io.Reader }{b}
	return io.CopyBuffer(struct{ io.Writer }{w}, reader, make([]byte, min(copyBytes, b.Size()+1)))
}

// Seek sets where Read and Write go on.
func (b *Blob) Seek(offset int64, whence int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.size
	default:
		return 0, errors.New("sidelite: no such whence")
	}
	if offset < 0 {
		return 0, errOffset
	}
	b.offset = offset
	return offset, nil
}

func (b *Blob) position() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.offset
}

func (b *Blob) advance(count int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.offset += int64(count)
}

// Reopen moves to the same column of another row, which is faster than to open it, and begins at its start.
func (b *Blob) Reopen(ctx context.Context, rowID int64) error {
	moved, _, err := b.lane.command(ctx, kindBlobReopen, b.handle, rowID)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size, b.offset = Row{block: moved}.Int64(1), 0
	return nil
}

// Close closes it. What was written to it is committed then, if no transaction is open.
func (b *Blob) Close() error {
	_, _, err := b.lane.command(context.WithoutCancel(b.ctx), kindBlobClose, b.handle)
	return err
}
