'use strict'
// The promise API. What is not in index.d.ts is not API.

const native = require('./lib/native')
const { open, Connection } = require('./lib/connection')
const { Transaction } = require('./lib/transaction')
const { Statement } = require('./lib/statement')
const { SideliteError } = require('./lib/errors')
const { ZeroBlob } = require('./lib/encode')

module.exports = {
  open,
  zeroBlob: length => new ZeroBlob(length),
  Connection,
  Transaction,
  Statement,
  SideliteError,
  version: native.version,
  sqliteVersion: native.sqliteVersion
}
