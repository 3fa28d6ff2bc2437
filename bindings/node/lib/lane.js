'use strict'
// Where requests go: a connection, a transaction, a call of a function. All have the same methods.

const { nameOf } = require('./encode')
const { SideliteError, status } = require('./errors')
const { kind, request, requestFlag, limit, checkpoint } = require('./layout')
const { Request, oneOf, writeSql, writeRows, writeArguments, writeStatement } = require('./request')

// ---- What is made of a final event ----

const nothing = () => undefined

const toSummary = (event, task) => ({ changes: event.changes, lastInsertRowid: event.rowid(task.integers) })

const toRows = ({ block }, task) => task.asArrays ? block.arrays() : block.objects()

const toArrays = ({ block }) => block.arrays()

function toFirst ({ block }, task) {
  if (!block.rowCount) return undefined
  return task.asArrays ? block.array(block.row(0)) : block.object(block.row(0))
}

const toOutcome = (event, task) => ({
  columns: event.block.columns,
  rows: toRows(event, task),
  changes: event.changes,
  lastInsertRowid: event.rowid(task.integers)
})

const toCell = ({ block }) => block.cell(block.row(0))

// ---- Requests of more than a statement ----

// What only reads ends with its first row.
function writeFirst (record, records, payload, sql, parameters) {
  records.setUint32(record, request.chunkRows, 1)
  writeStatement(record, records, payload, sql, parameters)
}

function writeMany (record, records, payload, sql, rows) {
  if (!Array.isArray(rows)) throw new TypeError(`runMany: an array of arrays of values, not ${nameOf(rows)}`)
  if (!rows.length) throw new RangeError('runMany: no rows')
  if (!Array.isArray(rows[0])) throw new TypeError('runMany: each row is an array of values')
  records.setUint32(record, request.flags, requestFlag.ATOMIC)
  records.setUint32(record, request.group, 1)
  writeSql(record, records, payload, sql)
  writeRows(record, records, payload, rows)
}

function writeBatch (record, records, payload, statements) {
  records.setUint32(record, request.flags, requestFlag.ATOMIC)
  records.setUint32(record, request.group, statements.length)
  for (let i = 0, at = record; i < statements.length; i++) {
    if (i > 0) at = records.addLike(record)
    const statement = statements[i]
    const [sql, parameters] = Array.isArray(statement) ? statement : [statement]
    writeStatement(at, records, payload, sql, parameters)
  }
}

function checkStatements (statements) {
  if (!Array.isArray(statements)) {
    throw new TypeError(`batch: an array of [sql, parameters], not ${nameOf(statements)}`)
  }
  if (!statements.length) throw new RangeError('batch: no statements')
}

// Ends with the outcomes of all its statements, or with the error of the one for which they were undone.
class Batch extends Request {
  outcomes = []
  reason = null // { error }, since a function of the host may throw anything

  constructor (lane, statements, options) {
    super(lane, options, null)
    this.finals = statements.length
  }

  onEvent (event) {
    if (event.code) this.#failed(event)
    else this.#add(event)
    if (this.finals) return
    this.leave()
    if (this.reason) this.fail(this.reason.error)
    else this.resolve(this.outcomes)
  }

  #add (event) {
    try {
      this.outcomes.push(toOutcome(event, this))
    } catch (error) {
      this.reason ??= { error }
    }
  }

  // The others are ABORTED for the one that failed.
  #failed (event) {
    if (this.reason && event.code === status.ABORTED) return
    const error = this.errorOf(event)
    if (error instanceof SideliteError) error.index = event.id - this.id
    this.reason = { error }
  }
}

// ---- Lanes ----

class Lane {
  signal = null // stops all that is sent

  constructor (connection, id, { integers, asArrays }) {
    this.connection = connection
    this.id = id
    this.integers = integers
    this.asArrays = asArrays
  }

  get handle () { return this.connection.handle }

  // Throws when nothing can be sent.
  check () { this.connection.check() }

  // Why native code has not taken a request.
  refusal (code) { return new SideliteError(code, undefined, { notRun: true }) }

  // Submits one request, written by `fill(record, records, payload, a, b)`; `finish(event, task)` makes its value.
  // What is wrong with it rejects the promise as well, before anything is sent.
  send (requestKind, fill, options, finish = nothing, a, b) {
    try {
      const task = new Request(this, options, finish)
      task.submit(requestKind, fill, a, b)
      return task.promise
    } catch (error) {
      return Promise.reject(error)
    }
  }

  // A kind that has arguments.
  command (requestKind, values, options, finish) {
    return this.send(requestKind, writeArguments, options, finish, values)
  }

  run (sql, parameters, options) {
    return this.send(kind.EXECUTE, writeStatement, options, toSummary, sql, parameters)
  }

  execute (sql, parameters, options) {
    return this.send(kind.FETCH, writeStatement, options, toOutcome, sql, parameters)
  }

  all (sql, parameters, options) {
    return this.send(kind.FETCH, writeStatement, options, toRows, sql, parameters)
  }

  values (sql, parameters, options) {
    return this.send(kind.FETCH, writeStatement, options, toArrays, sql, parameters)
  }

  get (sql, parameters, options) {
    return this.send(kind.FETCH, writeFirst, options, toFirst, sql, parameters)
  }

  script (sql, options) {
    return this.send(kind.SCRIPT, writeSql, options, nothing, sql)
  }

  // Runs one statement for each row of values, all of them or none.
  runMany (sql, rows, options) {
    return this.send(kind.EXECUTE, writeMany, options, toSummary, sql, rows)
  }

  // Runs statements as one transaction, all of them or none, in one hop.
  batch (statements, options) {
    try {
      checkStatements(statements)
      // A getter among the parameters may change the array.
      const kept = [...statements]
      const task = new Batch(this, kept, options)
      task.submit(kind.FETCH, writeBatch, kept)
      return task.promise
    } catch (error) {
      return Promise.reject(error)
    }
  }

  stream (sql, parameters, options) { return new RowStream(this, sql, parameters, options) }

  prepare (sql) { return new Statement(this, sql) }

  describe (sql, options) {
    return this.send(kind.DESCRIBE, writeSql, options, toDescription, sql)
  }

  async blob (table, column, rowid, { writable = false, schema, ...options } = {}) {
    return this.command(kind.BLOB_OPEN, [table, column, rowid, writable, schema], options,
      ({ block }) => new OpenBlob(this, block.cell(block.row(0)), block.cell(block.row(0) + 4)))
  }

  async serialize ({ schema, ...options } = {}) {
    return this.command(kind.SERIALIZE, [schema], options, toCell)
  }

  async deserialize (image, { schema, readonly = false, ...options } = {}) {
    return this.command(kind.DESERIALIZE, [image, schema, readonly], options)
  }

  loadExtension (path, entry, options) {
    return this.command(kind.LOAD_EXTENSION, [path, entry], options)
  }

  async checkpoint (mode = 'passive', { schema, ...options } = {}) {
    const number = checkpoint[oneOf('mode', mode, Object.keys(checkpoint))]
    return await this.command(kind.CHECKPOINT, [number, schema], options, toFirst)
  }

  async status ({ reset = false, ...options } = {}) {
    return this.command(kind.STATUS, [reset], options, ({ block }) => {
      const entries = block.arrays().map(([name, value, highest]) => [name, { value, highest }])
      return Object.fromEntries(entries)
    })
  }

  // Reads one of SQLite's limits, or sets it; gives what it was before.
  async limit (name, value, options) {
    const number = limit[oneOf('limit', name, Object.keys(limit))]
    return await this.command(kind.LIMIT, [number, value], options, toCell)
  }
}

module.exports = { Lane }

// These have lanes themselves.
const { RowStream } = require('./stream')
const { Statement, toDescription } = require('./statement')
const { OpenBlob } = require('./blob')
