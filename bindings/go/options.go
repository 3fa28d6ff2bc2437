package sidelite

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Options are how a database is opened. The zero value, or nil, opens for reading and writing, creates the file if it
// is missing, and is HARDENED: defensive mode and foreign keys on, double-quoted strings off, the schema of a file not
// trusted to call functions that have effects.
type Options struct {
	// Plain opens with SQLite's own defaults in place of the hardened ones.
	Plain bool
	// Untrusted is for files and SQL from strangers: hardened, with low limits and checks beside.
	Untrusted bool
	// ReadOnly opens a file that must exist, for reading.
	ReadOnly bool
	// NoCreate opens a file that must exist.
	NoCreate bool
	// URI lets the path be one such as "file:app.db?mode=ro".
	URI bool
	// Memory opens a database in memory, of which the path is only a name.
	Memory bool
	// NoFollow refuses a path with a symbolic link in it.
	NoFollow bool
	// SharedCache shares the pages with other connections of this process that want it, too.
	SharedCache bool
	// ForeignKeys switches them on where Plain has not.
	ForeignKeys bool
	// Extensions lets LoadExtension load shared libraries.
	Extensions bool
	// AnyText takes texts that are not UTF-8.
	AnyText bool
	// VFS is the name of a registered one.
	VFS string
	// BusyTimeout is how long to wait for another connection's lock: 5 s if it is 0, not at all if it is below.
	BusyTimeout time.Duration
	// StatementCache is how many prepared statements are kept: 128 if it is 0, none if it is below.
	StatementCache int
	// MaxRequests and MaxBytes bound what may be out before ErrQueueFull; 0 is no bound. Each request has a goroutine that
	// waits for it, and these are bounded by other means as a rule.
	MaxRequests int
	MaxBytes    int64
	// MaxResultBytes bounds one result that is not streamed: 1 GiB if it is 0.
	MaxResultBytes int64
	// JournalMode is the journal's, as the file has it if it is "": DELETE, TRUNCATE, PERSIST, MEMORY, WAL or OFF.
	JournalMode string
	// Synchronous is how often the disk is waited for: OFF, NORMAL, FULL or EXTRA; FULL if it is "".
	Synchronous string
	// Isolation is which transactions begin by themselves before something is written.
	Isolation Mode
	// Pragmas are run once it is open, after all the options above: "cache_size=-8000".
	Pragmas []string
	// Rules say what statements may do, from the first one on. See Authorize.
	Rules []Rule
}

var (
	journalModes = []string{"", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF"}
	syncLevels   = []string{"", "OFF", "NORMAL", "FULL", "EXTRA"}
)

// Flags of opening.
const (
	openReadOnly = 1 << iota
	openNoCreate
	openURI
	openMemory
	openNoFollow
	openSharedCache
	openForeignKeys
	openHardened
	openUntrusted
	openAnyText
	openExtensions
)

func (o *Options) flags() (flags uint32) {
	for _, choice := range []struct {
		isSet bool
		flag  uint32
	}{
		{o.ReadOnly, openReadOnly}, {o.NoCreate, openNoCreate}, {o.URI, openURI}, {o.Memory, openMemory},
		{o.NoFollow, openNoFollow}, {o.SharedCache, openSharedCache}, {o.ForeignKeys, openForeignKeys},
		{!o.Plain, openHardened}, {o.Untrusted, openUntrusted}, {o.AnyText, openAnyText},
		{o.Extensions, openExtensions},
	} {
		if choice.isSet {
			flags |= choice.flag
		}
	}
	return flags
}

// record writes the options for C: texts, and behind them rules, are values of the packet.
func (o *Options) record(p *packet) (*openRecord, error) {
	r := &openRecord{
		flags:          o.flags(),
		busyTimeoutMS:  busyTimeoutOf(o.BusyTimeout),
		statementCache: cacheOf(o.StatementCache),
		maxRequests:    math.MaxUint32,
		maxBytes:       math.MaxUint64,
		maxResultBytes: uint64(max(o.MaxResultBytes, 0)),
		isolation:      uint32(o.Isolation),
		pragmaCount:    uint32(len(o.Pragmas)),
		rules:          uint32(len(o.Rules)),
	}
	if o.MaxRequests > 0 {
		r.maxRequests = uint32(min(o.MaxRequests, math.MaxUint32))
	}
	if o.MaxBytes > 0 {
		r.maxBytes = uint64(o.MaxBytes)
	}
	var err error
	if r.journalMode, err = choose("JournalMode", o.JournalMode, journalModes); err != nil {
		return nil, err
	}
	if r.synchronous, err = choose("Synchronous", o.Synchronous, syncLevels); err != nil {
		return nil, err
	}
	return r, o.texts(r, p)
}

func (o *Options) texts(r *openRecord, p *packet) error {
	for _, pragma := range o.Pragmas {
		if err := p.name(pragma); err != nil {
			return err
		}
	}
	for _, rule := range o.Rules {
		rule.write(p)
	}
	if o.VFS == "" {
		return nil
	}
	if strings.IndexByte(o.VFS, 0) >= 0 {
		return newStatus(ErrBadText, "the name of a VFS with a NUL in it")
	}
	r.hasVFS, r.vfs = 1, uint64(len(p.data))
	p.data = append(append(p.data, o.VFS...), 0)
	return nil
}

func choose(what, choice string, choices []string) (uint32, error) {
	for i, name := range choices {
		if strings.EqualFold(name, choice) {
			return uint32(i), nil
		}
	}
	return 0, newStatus(ErrRefused, fmt.Sprintf("%s: one of %s, not %q", what, strings.Join(choices[1:], ", "), choice))
}

// In C, 0 says that the default is meant, and -1 that nothing is waited for.
func busyTimeoutOf(timeout time.Duration) int32 {
	if timeout < 0 {
		return -1
	}
	return int32(millisecondsOf(timeout, math.MaxInt32))
}

// millisecondsOf is never 0 for a time that is not.
func millisecondsOf(d time.Duration, most int64) int64 {
	return min((max(int64(d), 0)+int64(time.Millisecond)-1)/int64(time.Millisecond), most)
}

func cacheOf(count int) uint32 {
	if count < 0 {
		return math.MaxUint32
	}
	return uint32(min(count, math.MaxInt32))
}
