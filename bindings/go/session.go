package sidelite

import "context"

// Session records changes for a changeset.
type Session struct {
	lane   *lane
	handle int64
}

// OpenSession records the changes of some tables from here on; without any, of all that have a primary key. Sessions
// and the observation of changes exclude each other.
func (l *lane) OpenSession(ctx context.Context, tables ...string) (*Session, error) {
	r, err := l.begin()
	if err != nil {
		return nil, err
	}
	defer r.release()
	record := r.packet.add(kindSessionOpen, l.id)
	if len(tables) > 0 {
		r.packet.beginValues(record, 1)
		record.nrows = uint32(len(tables))
	}
	for _, table := range tables {
		r.packet.text(table)
	}
	b, _, err := l.finish(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Session{l, Row{block: b}.Int64(0)}, nil
}

// Changeset is what was recorded so far, with old values.
func (s *Session) Changeset(ctx context.Context) ([]byte, error) {
	return s.lane.bytes(ctx, kindSessionChanges, s.handle, 0)
}

// Patchset is what was recorded so far, without old values: smaller, and not to be undone.
func (s *Session) Patchset(ctx context.Context) ([]byte, error) {
	return s.lane.bytes(ctx, kindSessionChanges, s.handle, 1)
}

// Close ends the recording.
func (s *Session) Close() error {
	_, _, err := s.lane.command(context.Background(), kindSessionClose, s.handle)
	return err
}

// Conflict is what becomes of a change that does not fit.
type Conflict int64

// What becomes of changes that do not fit.
const (
	ConflictAbort   = Conflict(iota) // all is undone, with ErrAbort
	ConflictOmit                     // it is left out
	ConflictReplace                  // it overwrites what it meets; one that cannot is left out
)

// Applied tells of a changeset that was applied.
type Applied struct {
	// Conflicts is how many were met.
	Conflicts int64
	// Rebase is for RebaseChangeset.
	Rebase []byte
}

// ApplyChangeset applies a changeset or a patchset to "main", all of it or nothing. Tables that are not there, or have
// other keys, are passed over.
func (l *lane) ApplyChangeset(ctx context.Context, changeset []byte, conflict Conflict) (Applied, error) {
	b, _, err := l.command(ctx, kindChangesetApply, changeset, int64(conflict))
	if err != nil {
		return Applied{}, err
	}
	row := Row{block: b}
	return Applied{row.Int64(0), row.Bytes(1)}, nil
}

// InvertChangeset is the changeset that undoes another.
func (l *lane) InvertChangeset(ctx context.Context, changeset []byte) ([]byte, error) {
	return l.bytes(ctx, kindChangesetInvert, changeset)
}

// RebaseChangeset is a changeset as if it had been made after another was applied, whose Applied.Rebase is given.
func (l *lane) RebaseChangeset(ctx context.Context, changeset, rebase []byte) ([]byte, error) {
	return l.bytes(ctx, kindChangesetRebase, changeset, rebase)
}

// bytes runs a kind whose result is one BLOB.
func (l *lane) bytes(ctx context.Context, kind uint32, arguments ...any) ([]byte, error) {
	b, _, err := l.command(ctx, kind, arguments...)
	if err != nil {
		return nil, err
	}
	return b.raw(b.cell(0, 0)), nil
}
