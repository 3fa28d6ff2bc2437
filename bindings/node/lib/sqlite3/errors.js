'use strict'
// Errors as node-sqlite3 makes them: the primary code, and its name in front of the message.

const native = require('../native')
const constants = require('./constants')

// What ends a request without a code of SQLite's.
const OURS = {
  '-101': constants.BUSY, // FULL
  '-102': constants.MISUSE, // CLOSED
  '-103': constants.MISUSE, // BAD_HANDLE
  '-104': constants.MISUSE,
  '-105': constants.MISMATCH, // BAD_TEXT
  '-106': constants.TOOBIG,
  '-201': constants.INTERRUPT, // CANCELLED
  '-202': constants.INTERRUPT, // TIMEOUT
  '-203': constants.ABORT, // of a transaction that was rolled back
  '-301': constants.NOMEM
}

function sqliteError (code, message) {
  const errno = code > 0 ? code & 0xff : OURS[code] ?? constants.INTERNAL
  const name = constants.nameOf(errno)
  const error = new Error(`${name}: ${message ?? native.statusString(code)}`)
  error.errno = errno
  error.code = name
  return error
}

const errorOfEvent = event => sqliteError(event.code, event.block?.message)

const closedError = () => sqliteError(constants.MISUSE, 'Database handle is closed')

module.exports = { sqliteError, errorOfEvent, closedError }
