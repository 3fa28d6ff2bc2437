'use strict'
// What include/sidelite.h and src/addon.c lay out in memory, in bytes from the start of each. test/layout.test.js
// compares it with what the C compiler says.

exports.request = {
  size: 80,
  kind: 0, flags: 4, timeout: 8, key: 12, conn: 16, lane: 24, sql: 32, sqlLength: 36, values: 40, columns: 44, rows: 48,
  names: 52, chunkRows: 56, window: 60, id: 64, group: 72
}

exports.event = {
  size: 56,
  key: 0, code: 4, flags: 8, bytes: 12, id: 16, conn: 24, changes: 32, lastInsertRowid: 40, apart: 48, isAscii: 52
}

exports.result = {
  size: 64,
  bytes: 0, columns: 8, rows: 12, names: 16, values: 24, message: 32, messageLength: 40, sqliteCode: 44, sqlOffset: 48,
  systemErrno: 52
}

exports.value = { size: 16, type: 0, length: 4, as: 8 }

exports.type = { NULL: 0, INTEGER: 1, REAL: 2, TEXT: 3, BLOB: 4, ZEROBLOB: 5 }

exports.kind = {
  EXECUTE: 1, FETCH: 2, STREAM: 3, SCRIPT: 4, LEASE: 6, RELEASE: 7, COMMIT: 8, ROLLBACK: 9, DESCRIBE: 11, DUMP: 12,
  SCRIPT_FILE: 13, BACKUP: 14, RESTORE: 15, SERIALIZE: 16, DESERIALIZE: 17, BLOB_OPEN: 18, BLOB_READ: 19,
  BLOB_WRITE: 20,
  BLOB_REOPEN: 21, BLOB_CLOSE: 22, OBSERVE: 29, LIMIT: 31, DB_CONFIG: 32, CHECKPOINT: 33, LOAD_EXTENSION: 35, STATUS: 36
}

exports.requestFlag = { ATOMIC: 2, NO_CACHE: 4, MULTI: 8 }

exports.eventFlag = {
  MORE: 1, OPENED: 2, CLOSED: 4, WRITABLE: 8, IN_TRANSACTION: 16, NOT_RUN: 32, ROLLED_BACK: 64, CALL: 128, CHANGE: 256
}

exports.openFlag = {
  READONLY: 1, NO_CREATE: 2, URI: 4, MEMORY: 8, NOFOLLOW: 16, SHARED_CACHE: 32, FOREIGN_KEYS: 64, HARDENED: 128,
  UNTRUSTED: 256, ANY_TEXT: 512, EXTENSIONS: 1024
}

exports.observe = { CHANGES: 1, VALUES: 2, COMMITS: 4, ROLLBACKS: 8, WAL: 16, TRACE: 32, PROFILE: 64 }

exports.callKind = { SCALAR: 0, STEP: 1, INVERSE: 2, VALUE: 3, FINAL: 4, END: 5 }

exports.functionKind = { SCALAR: 1, AGGREGATE: 2, WINDOW: 3, COLLATION: 4 }

exports.functionFlag = { DETERMINISTIC: 1, DIRECTONLY: 2, INNOCUOUS: 4, REMOVE: 8 }

exports.begin = { none: 0, deferred: 1, immediate: 2, exclusive: 3 }

exports.status = {
  FULL: -101, CLOSED: -102, BAD_HANDLE: -103, MISUSE: -104, CANCELLED: -201, TIMEOUT: -202, ABORTED: -203
}

exports.cancel = { ALL: 0, RUNNING: -1 }

exports.close = { DRAIN: 0, CANCEL: 1 }

exports.checkpoint = { passive: 0, full: 1, restart: 2, truncate: 3 }

exports.journal = { delete: 1, truncate: 2, persist: 3, memory: 4, wal: 5, off: 6 }

exports.synchronous = { off: 1, normal: 2, full: 3, extra: 4 }

exports.limit = {
  length: 0, sqlLength: 1, columns: 2, expressionDepth: 3, compoundSelect: 4, vdbeOperations: 5, functionArguments: 6,
  attached: 7, likePatternLength: 8, parameters: 9, triggerDepth: 10, workerThreads: 11
}
