'use strict'
// The numbers that node-sqlite3 exports, under its names, and what its errors are called.

const { sqliteVersion, sourceId } = require('../native')

const CODES = {
  OK: 0, ERROR: 1, INTERNAL: 2, PERM: 3, ABORT: 4, BUSY: 5, LOCKED: 6, NOMEM: 7, READONLY: 8, INTERRUPT: 9, IOERR: 10,
  CORRUPT: 11, NOTFOUND: 12, FULL: 13, CANTOPEN: 14, PROTOCOL: 15, EMPTY: 16, SCHEMA: 17, TOOBIG: 18, CONSTRAINT: 19,
  MISMATCH: 20, MISUSE: 21, NOLFS: 22, AUTH: 23, FORMAT: 24, RANGE: 25, NOTADB: 26
}

const OPEN = {
  OPEN_READONLY: 0x1, OPEN_READWRITE: 0x2, OPEN_CREATE: 0x4, OPEN_FULLMUTEX: 0x10000, OPEN_URI: 0x40,
  OPEN_SHAREDCACHE: 0x20000, OPEN_PRIVATECACHE: 0x40000
}

const LIMITS = {
  LIMIT_LENGTH: 0, LIMIT_SQL_LENGTH: 1, LIMIT_COLUMN: 2, LIMIT_EXPR_DEPTH: 3, LIMIT_COMPOUND_SELECT: 4,
  LIMIT_VDBE_OP: 5, LIMIT_FUNCTION_ARG: 6, LIMIT_ATTACHED: 7, LIMIT_LIKE_PATTERN_LENGTH: 8, LIMIT_VARIABLE_NUMBER: 9,
  LIMIT_TRIGGER_DEPTH: 10, LIMIT_WORKER_THREADS: 11
}

function versionNumber () {
  const [major, minor, patch] = sqliteVersion.split('.').map(Number)
  return major * 1000000 + minor * 1000 + patch
}

const NAMES = new Map(Object.entries(CODES).map(([name, code]) => [code, `SQLITE_${name}`]))

// As sqlite3 they cannot be assigned to.
function define (target) {
  const version = { VERSION: sqliteVersion, SOURCE_ID: sourceId, VERSION_NUMBER: versionNumber() }
  const values = { ...OPEN, ...version, ...CODES, ...LIMITS }
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true })
  }
}

module.exports = { ...CODES, ...OPEN, define, nameOf: code => NAMES.get(code) ?? 'UNKNOWN' }
