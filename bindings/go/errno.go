package sidelite

// ErrNo is one of SQLite's primary result codes, such as 19 for a constraint. It is an error itself, so that
// `errors.Is(err, sidelite.ErrConstraint)` asks for the whole family of a code.
type ErrNo int

// ErrNoExtended is one of SQLite's extended result codes, such as 2067 for a UNIQUE constraint.
type ErrNoExtended int

// ErrNoMask cuts an extended code down to its primary one.
const ErrNoMask = 0xff

// Error is SQLite's own text for the code.
func (code ErrNo) Error() string { return statusText(int32(code)) }

// Extend is the extended code of this family with the given number, as SQLite's documentation writes them:
// `SQLITE_BUSY | (2<<8)` is ErrBusy.Extend(2).
func (code ErrNo) Extend(by int) ErrNoExtended { return ErrNoExtended(int(code) | by<<8) }

// Error is SQLite's own text for the code.
func (code ErrNoExtended) Error() string { return statusText(int32(code)) }

// Is makes errors.Is(code, ErrConstraint) true for every code of the family.
func (code ErrNoExtended) Is(target error) bool {
	primary, ok := target.(ErrNo)
	return ok && ErrNo(code&ErrNoMask) == primary
}

// The primary result codes of https://www.sqlite.org/rescode.html.
const (
	ErrError      = ErrNo(1)
	ErrInternal   = ErrNo(2)
	ErrPerm       = ErrNo(3)
	ErrAbort      = ErrNo(4)
	ErrBusy       = ErrNo(5)
	ErrLocked     = ErrNo(6)
	ErrNomem      = ErrNo(7)
	ErrReadonly   = ErrNo(8)
	ErrInterrupt  = ErrNo(9)
	ErrIoErr      = ErrNo(10)
	ErrCorrupt    = ErrNo(11)
	ErrNotFound   = ErrNo(12)
	ErrFull       = ErrNo(13)
	ErrCantOpen   = ErrNo(14)
	ErrProtocol   = ErrNo(15)
	ErrEmpty      = ErrNo(16)
	ErrSchema     = ErrNo(17)
	ErrTooBig     = ErrNo(18)
	ErrConstraint = ErrNo(19)
	ErrMismatch   = ErrNo(20)
	ErrMisuse     = ErrNo(21)
	ErrNoLFS      = ErrNo(22)
	ErrAuth       = ErrNo(23)
	ErrFormat     = ErrNo(24)
	ErrRange      = ErrNo(25)
	ErrNotADB     = ErrNo(26)
	ErrNotice     = ErrNo(27)
	ErrWarning    = ErrNo(28)
)

// The extended result codes, each a primary code and the number of its cause.
const (
	ErrIoErrRead              = ErrNoExtended(ErrIoErr | 1<<8)
	ErrIoErrShortRead         = ErrNoExtended(ErrIoErr | 2<<8)
	ErrIoErrWrite             = ErrNoExtended(ErrIoErr | 3<<8)
	ErrIoErrFsync             = ErrNoExtended(ErrIoErr | 4<<8)
	ErrIoErrDirFsync          = ErrNoExtended(ErrIoErr | 5<<8)
	ErrIoErrTruncate          = ErrNoExtended(ErrIoErr | 6<<8)
	ErrIoErrFstat             = ErrNoExtended(ErrIoErr | 7<<8)
	ErrIoErrUnlock            = ErrNoExtended(ErrIoErr | 8<<8)
	ErrIoErrRDlock            = ErrNoExtended(ErrIoErr | 9<<8)
	ErrIoErrDelete            = ErrNoExtended(ErrIoErr | 10<<8)
	ErrIoErrBlocked           = ErrNoExtended(ErrIoErr | 11<<8)
	ErrIoErrNoMem             = ErrNoExtended(ErrIoErr | 12<<8)
	ErrIoErrAccess            = ErrNoExtended(ErrIoErr | 13<<8)
	ErrIoErrCheckReservedLock = ErrNoExtended(ErrIoErr | 14<<8)
	ErrIoErrLock              = ErrNoExtended(ErrIoErr | 15<<8)
	ErrIoErrClose             = ErrNoExtended(ErrIoErr | 16<<8)
	ErrIoErrDirClose          = ErrNoExtended(ErrIoErr | 17<<8)
	ErrIoErrSHMOpen           = ErrNoExtended(ErrIoErr | 18<<8)
	ErrIoErrSHMSize           = ErrNoExtended(ErrIoErr | 19<<8)
	ErrIoErrSHMLock           = ErrNoExtended(ErrIoErr | 20<<8)
	ErrIoErrSHMMap            = ErrNoExtended(ErrIoErr | 21<<8)
	ErrIoErrSeek              = ErrNoExtended(ErrIoErr | 22<<8)
	ErrIoErrDeleteNoent       = ErrNoExtended(ErrIoErr | 23<<8)
	ErrIoErrMMap              = ErrNoExtended(ErrIoErr | 24<<8)
	ErrIoErrGetTempPath       = ErrNoExtended(ErrIoErr | 25<<8)
	ErrIoErrConvPath          = ErrNoExtended(ErrIoErr | 26<<8)
	ErrLockedSharedCache      = ErrNoExtended(ErrLocked | 1<<8)
	ErrBusyRecovery           = ErrNoExtended(ErrBusy | 1<<8)
	ErrBusySnapshot           = ErrNoExtended(ErrBusy | 2<<8)
	ErrCantOpenNoTempDir      = ErrNoExtended(ErrCantOpen | 1<<8)
	ErrCantOpenIsDir          = ErrNoExtended(ErrCantOpen | 2<<8)
	ErrCantOpenFullPath       = ErrNoExtended(ErrCantOpen | 3<<8)
	ErrCantOpenConvPath       = ErrNoExtended(ErrCantOpen | 4<<8)
	ErrCorruptVTab            = ErrNoExtended(ErrCorrupt | 1<<8)
	ErrReadonlyRecovery       = ErrNoExtended(ErrReadonly | 1<<8)
	ErrReadonlyCantLock       = ErrNoExtended(ErrReadonly | 2<<8)
	ErrReadonlyRollback       = ErrNoExtended(ErrReadonly | 3<<8)
	ErrReadonlyDbMoved        = ErrNoExtended(ErrReadonly | 4<<8)
	ErrAbortRollback          = ErrNoExtended(ErrAbort | 2<<8)
	ErrConstraintCheck        = ErrNoExtended(ErrConstraint | 1<<8)
	ErrConstraintCommitHook   = ErrNoExtended(ErrConstraint | 2<<8)
	ErrConstraintForeignKey   = ErrNoExtended(ErrConstraint | 3<<8)
	ErrConstraintFunction     = ErrNoExtended(ErrConstraint | 4<<8)
	ErrConstraintNotNull      = ErrNoExtended(ErrConstraint | 5<<8)
	ErrConstraintPrimaryKey   = ErrNoExtended(ErrConstraint | 6<<8)
	ErrConstraintTrigger      = ErrNoExtended(ErrConstraint | 7<<8)
	ErrConstraintUnique       = ErrNoExtended(ErrConstraint | 8<<8)
	ErrConstraintVTab         = ErrNoExtended(ErrConstraint | 9<<8)
	ErrConstraintRowID        = ErrNoExtended(ErrConstraint | 10<<8)
	ErrNoticeRecoverWAL       = ErrNoExtended(ErrNotice | 1<<8)
	ErrNoticeRecoverRollback  = ErrNoExtended(ErrNotice | 2<<8)
	ErrWarningAutoIndex       = ErrNoExtended(ErrWarning | 1<<8)
)
