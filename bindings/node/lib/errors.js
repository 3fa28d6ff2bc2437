'use strict'
// One class for all that a request can end with.

const native = require('./native')
const { eventFlag, status } = require('./layout')

// SQLite's primary codes, and what the extended ones add to them: the name of 2067 is SQLITE_CONSTRAINT_UNIQUE.
const PRIMARY = {
  1: 'ERROR', 2: 'INTERNAL', 3: 'PERM', 4: 'ABORT', 5: 'BUSY', 6: 'LOCKED', 7: 'NOMEM', 8: 'READONLY', 9: 'INTERRUPT',
  10: 'IOERR', 11: 'CORRUPT', 12: 'NOTFOUND', 13: 'FULL', 14: 'CANTOPEN', 15: 'PROTOCOL', 16: 'EMPTY', 17: 'SCHEMA',
  18: 'TOOBIG', 19: 'CONSTRAINT', 20: 'MISMATCH', 21: 'MISUSE', 22: 'NOLFS', 23: 'AUTH', 24: 'FORMAT', 25: 'RANGE',
  26: 'NOTADB', 27: 'NOTICE', 28: 'WARNING', 100: 'ROW', 101: 'DONE'
}
const EXTENDED = {
  1: ['MISSING_COLLSEQ', 'RETRY', 'SNAPSHOT', 'RESERVESIZE', 'KEY', 'UNABLE'],
  4: [undefined, 'ROLLBACK'],
  5: ['RECOVERY', 'SNAPSHOT', 'TIMEOUT'],
  6: ['SHAREDCACHE', 'VTAB'],
  8: ['RECOVERY', 'CANTLOCK', 'ROLLBACK', 'DBMOVED', 'CANTINIT', 'DIRECTORY'],
  10: ['READ', 'SHORT_READ', 'WRITE', 'FSYNC', 'DIR_FSYNC', 'TRUNCATE', 'FSTAT', 'UNLOCK', 'RDLOCK', 'DELETE',
    'BLOCKED', 'NOMEM', 'ACCESS', 'CHECKRESERVEDLOCK', 'LOCK', 'CLOSE', 'DIR_CLOSE', 'SHMOPEN', 'SHMSIZE', 'SHMLOCK',
    'SHMMAP', 'SEEK', 'DELETE_NOENT', 'MMAP', 'GETTEMPPATH', 'CONVPATH', 'VNODE', 'AUTH', 'BEGIN_ATOMIC',
    'COMMIT_ATOMIC', 'ROLLBACK_ATOMIC', 'DATA', 'CORRUPTFS', 'IN_PAGE', 'BADKEY', 'CODEC'],
  11: ['VTAB', 'SEQUENCE', 'INDEX'],
  14: ['NOTEMPDIR', 'ISDIR', 'FULLPATH', 'CONVPATH', 'DIRTYWAL', 'SYMLINK'],
  19: ['CHECK', 'COMMITHOOK', 'FOREIGNKEY', 'FUNCTION', 'NOTNULL', 'PRIMARYKEY', 'TRIGGER', 'UNIQUE', 'VTAB', 'ROWID',
    'PINNED', 'DATATYPE'],
  23: ['USER']
}

function codeName (code) {
  if (code < 0) return native.statusString(code).split(':', 1)[0]
  const primary = PRIMARY[code & 0xff]
  if (!primary) return `SQLITE_${code}`
  const extended = EXTENDED[code & 0xff]?.[(code >> 8) - 1]
  return extended ? `SQLITE_${primary}_${extended}` : `SQLITE_${primary}`
}

// Why a request has failed.
//
// - `code`: a name, such as 'SQLITE_CONSTRAINT_UNIQUE', or 'SIDELITE_ERR_CANCELLED' for what is sidelite's own
// - `errno`: its number; `offset`: where in the SQL the error is, in bytes, or -1
// - `notRun`: nothing of it was executed; `rolledBack`: it undid the transaction that was open
// - `systemErrno`: of the system call that failed, if one did
class SideliteError extends Error {
  constructor (errno, message, details) {
    super(message || native.statusString(errno))
    this.code = codeName(errno)
    this.errno = errno
    this.offset = -1
    this.notRun = false
    this.rolledBack = false
    Object.assign(this, details)
  }
}
Object.defineProperty(SideliteError.prototype, 'name', { value: 'SideliteError', writable: true, configurable: true })

// `code` may be another than the event's: then its message is not that of the event.
function errorOfEvent (event, code = event.code) {
  const { block, flags } = event
  const details = { notRun: (flags & eventFlag.NOT_RUN) !== 0, rolledBack: (flags & eventFlag.ROLLED_BACK) !== 0 }
  if (!block) return new SideliteError(code, undefined, details)
  details.offset = block.sqlOffset
  if (block.systemErrno) details.systemErrno = block.systemErrno
  return new SideliteError(code, code === event.code ? block.message : undefined, details)
}

module.exports = { SideliteError, errorOfEvent, status }
