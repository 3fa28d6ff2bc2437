'use strict'
// A request that ends with a promise, and how requests are written.

const client = require('./client')
const signals = require('./signals')
const { nameOf } = require('./encode')
const { SideliteError, errorOfEvent, status } = require('./errors')
const { request, value: valueLayout } = require('./layout')

const MAX_TIMEOUT = 2 ** 32 - 1
const MAX_TIMER = 2 ** 31 - 1

// ---- Writing ----

function isNamed (parameters) {
  return typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters) &&
    !ArrayBuffer.isView(parameters)
}

function writeNothing () {}

function writeSql (record, records, payload, sql) {
  payload.statement(sql)
  records.setUint32(record, request.sql, payload.sqlAt)
  records.setUint32(record, request.sqlLength, payload.sqlLength)
}

function writeRows (record, records, payload, rows) {
  const count = rows.length
  const columns = rows[0].length
  const at = payload.values(count * columns)
  let next = at
  // By number: a getter among the values may add rows, for which there is no room.
  for (let i = 0; i < count; i++) {
    const row = rows[i]
    if (!Array.isArray(row) || row.length !== columns) throw new TypeError('rows of values are arrays of one length')
    for (let j = 0; j < columns; j++, next += valueLayout.size) payload.value(next, row[j])
  }
  records.setUint32(record, request.values, at)
  records.setUint32(record, request.columns, columns)
  records.setUint32(record, request.rows, count)
}

// The arguments of a kind that has some; undefined is its default.
function writeArguments (record, records, payload, values) {
  writeRows(record, records, payload, [values.map(value => value === undefined ? null : value)])
}

function writeNames (record, records, payload, names) {
  const offsets = names.map(name => payload.name(name))
  const at = payload.align()
  payload.reserve(8 * offsets.length)
  payload.used += 8 * offsets.length
  offsets.forEach((offset, i) => { payload.i64[(at >> 3) + i] = BigInt(offset) })
  records.setUint32(record, request.names, at)
}

function writeParameters (record, records, payload, parameters) {
  if (parameters === undefined || parameters === null) return
  if (Array.isArray(parameters)) {
    if (parameters.length) writeRows(record, records, payload, [parameters])
  } else if (isNamed(parameters)) {
    const names = Object.keys(parameters)
    if (!names.length) return
    writeRows(record, records, payload, [names.map(name => parameters[name])])
    writeNames(record, records, payload, names)
  } else {
    throw new TypeError(`parameters are an array, or an object with their names, not ${nameOf(parameters)}`)
  }
}

function writeStatement (record, records, payload, sql, parameters) {
  writeSql(record, records, payload, sql)
  writeParameters(record, records, payload, parameters)
}

// ---- Options of a call ----

function oneOf (what, value, choices) {
  if (choices.includes(value)) return value
  const found = typeof value === 'string' ? `'${value}'` : nameOf(value)
  throw new TypeError(`${what}: one of '${choices.join("', '")}', not ${found}`)
}

const readIntegers = value => oneOf('integers', value, ['number', 'bigint'])
const readRows = value => oneOf('rows', value, ['object', 'array']) === 'array'

function readTimeout (value, what = 'timeout') {
  if (typeof value === 'number' && value >= 0 && value <= MAX_TIMEOUT) return Math.ceil(value)
  throw new RangeError(`${what}: a number of milliseconds`)
}

function readSignal (signal) {
  if (typeof signal !== 'object' || typeof signal?.addEventListener !== 'function') {
    throw new TypeError('signal: an AbortSignal')
  }
  if (signal.aborted) throw new SideliteError(status.CANCELLED, undefined, { notRun: true, cause: signal.reason })
  return signal
}

function checkObject (options) {
  if (typeof options === 'object' && options !== null) return
  throw new TypeError(`options are an object, not ${nameOf(options)}`)
}

// Reads what all calls have in common into a task.
function readOptions (task, options) {
  checkObject(options)
  const { integers, rows, timeout, signal } = options
  if (integers !== undefined) task.integers = readIntegers(integers)
  if (rows !== undefined) task.asArrays = readRows(rows)
  if (timeout !== undefined) task.timeout = readTimeout(timeout)
  if (signal !== undefined) task.signal = readSignal(signal)
}

// ---- The end ----

// A promise is resolved with this one to be rejected. What throws inside of an async function has a stack that leads to
// those who await, and so an error gets the caller's stack, while a success costs no second promise. By the second
// turn the promise that was resolved with this one listens to it.
async function failure (error, isOurs) {
  await undefined
  await undefined
  if (isOurs) Error.captureStackTrace(error, failure)
  throw error
}

// What has the events of one request, and what it is told on behalf of: a lane keeps its connection from being
// collected.
class LaneTask extends client.Task {
  asArrays = false
  signal = null
  timer = null
  isLate = false
  isForeign = false // what it ends with was thrown by code of the host

  constructor (lane, options) {
    super(lane.connection.account)
    this.lane = lane
    this.integers = lane.integers
    this.asArrays = lane.asArrays
    if (options !== undefined) readOptions(this, options)
  }

  submit (kind, fill, a, b) {
    const { lane } = this
    lane.check()
    client.submit(this, kind, lane.handle, lane.id, fill, a, b)
    if (this.signal !== null) this.#listen(this.signal)
    if (this.timeout > 0 && this.timeout <= MAX_TIMER) this.timer = setTimeout(onTimeout, this.timeout, this).unref()
    if (lane.signal !== null) signals.listen(lane.signal, this)
  }

  // A getter among the values may have aborted it meanwhile, of which it tells nobody who listens now.
  #listen (signal) {
    signals.listen(signal, this)
    if (signal.aborted) this.cancel()
  }

  // Called at the end.
  leave () {
    if (this.timer !== null) clearTimeout(this.timer)
    if (this.signal !== null) signals.leave(this.signal, this)
    if (this.lane.signal !== null) signals.leave(this.lane.signal, this)
  }

  errorOf (event) {
    const thrown = this.lane.connection.thrown.take(event.code)
    if (thrown !== undefined) {
      this.isForeign = true
      return thrown.error
    }
    const isLate = this.isLate && event.code === status.CANCELLED
    return this.#withCause(errorOfEvent(event, isLate ? status.TIMEOUT : event.code))
  }

  refusal (code) {
    return this.#withCause(this.lane.refusal(code))
  }

  #withCause (error) {
    const signal = this.signal ?? this.lane.signal
    if (signal?.aborted && error.errno === status.CANCELLED) error.cause = signal.reason
    return error
  }
}

// The library ends what runs by itself. What waits it would tell in its turn, which may come late.
function onTimeout (task) {
  task.isLate = true
  task.cancel(status.TIMEOUT)
}

// Ends with what `finish(event, task)` makes of the final event.
class Request extends LaneTask {
  constructor (lane, options, finish) {
    super(lane, options)
    this.finish = finish
    this.promise = new Promise(resolve => { this.resolve = resolve })
  }

  onEvent (event) {
    if (!event.isFinal) return this.onProgress(event)
    this.leave()
    if (event.code) return this.fail(this.errorOf(event))
    try {
      this.resolve(this.finish(event, this))
    } catch (error) {
      this.fail(error)
    }
  }

  onProgress () {}

  onRefused (code) {
    this.leave()
    this.fail(this.refusal(code))
  }

  fail (error) {
    this.resolve(failure(error, !this.isForeign))
  }
}

module.exports = {
  LaneTask, Request, checkObject, failure, oneOf, readIntegers, readRows, readTimeout, writeNothing, writeSql,
  writeRows, writeArguments, writeStatement
}
