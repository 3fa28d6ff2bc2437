'use strict'
// Requests and values, written into memory that native code reads: a record for each request, and a payload with their
// SQL, names, values and bytes.

const { types } = require('node:util')
const layout = require('./layout')
const { request, type } = layout

const VALUE = layout.value.size
const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n
const MAX_BYTES = 2 ** 31 - 8 // offsets are written and read as signed numbers of 32 bits
const NO_SQL = Symbol('none')
const SHORT_TEXT = 32
const LONG_TEXT = 4096

// How a message names what is of a wrong type, without calling anything of it.
function nameOf (value) {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`.replace('a undefined', 'undefined')
}

// A BLOB of zero bytes, to be written in parts.
class ZeroBlob {
  #length

  constructor (length) {
    if (!Number.isSafeInteger(length) || length < 0) throw new RangeError('zeroBlob: the length is a number of bytes')
    this.#length = length
  }

  // Undefined for what is none.
  static lengthOf (value) { return #length in value ? value.#length : undefined }
}

// UTC, as SQLite's date functions read and write it. Methods that a subclass has of its own are not called.
function dateText (date) {
  const time = Date.prototype.getTime.call(date)
  if (Number.isNaN(time)) throw new TypeError('cannot bind an invalid Date')
  const text = new Date(time).toISOString()
  // Years outside of 0000 to 9999 have a sign and six digits, which SQLite does not read.
  if (text.length !== 24) throw new RangeError('cannot bind a Date whose year is not between 0 and 9999')
  return text.slice(0, 10) + ' ' + text.slice(11, 23)
}

const getters = prototype => ['buffer', 'byteOffset', 'byteLength'].map(name =>
  Object.getOwnPropertyDescriptor(prototype, name).get)
const TYPED_ARRAY = getters(Object.getPrototypeOf(Uint8Array.prototype))
const DATA_VIEW = getters(DataView.prototype)

// The bytes of a buffer or of a view of one, by the getters of the language: a subclass may have others.
function bytesOf (value) {
  if (!ArrayBuffer.isView(value)) return new Uint8Array(value)
  const [buffer, byteOffset, byteLength] = types.isDataView(value) ? DATA_VIEW : TYPED_ARRAY
  return new Uint8Array(buffer.call(value), byteOffset.call(value), byteLength.call(value))
}

// Grows as it is written; what was written stays where it is.
class Payload {
  constructor (size = 65536) {
    this.used = 8 // 0 says that there is none
    this.initial = size
    this.sql = NO_SQL
    this.sqlAt = this.sqlLength = 0
    this.#renew(size)
  }

  #renew (size, old) {
    const bytes = Buffer.from(new ArrayBuffer((size + 7) & ~7))
    if (old) old.copy(bytes, 0, 0, this.used)
    this.buffer = bytes.buffer
    this.bytes = bytes
    this.u32 = new Uint32Array(this.buffer)
    this.f64 = new Float64Array(this.buffer)
    this.i64 = new BigInt64Array(this.buffer)
  }

  // What is large is given back: one request with a large value is no reason to keep so much.
  clear () {
    this.truncate(8)
    if (this.buffer.byteLength > 16 * this.initial) this.#renew(this.initial)
  }

  // Forgets what was written from here on.
  truncate (used) {
    this.used = used
    if (this.sqlAt >= used) this.sql = NO_SQL
  }

  reserve (bytes) {
    const wanted = this.used + bytes
    if (wanted > MAX_BYTES) throw new RangeError('a request of 2 GiB or more cannot be sent')
    const { byteLength } = this.buffer
    if (wanted > byteLength) this.#renew(Math.max(wanted, Math.min(2 * byteLength, MAX_BYTES)), this.bytes)
  }

  // Where the next bytes go, at a multiple of 8.
  align () {
    this.used = (this.used + 7) & ~7
    return this.used
  }

  // Writes a string and returns its length in bytes; it begins at what `used` was.
  string (text) {
    const length = this.#ascii(text) || this.#utf8(text)
    this.used += length
    return length
  }

  // A short string of ASCII, without a call into native code; 0 when it is none.
  #ascii (text) {
    const { length } = text
    if (length > SHORT_TEXT) return 0
    this.reserve(length + 1)
    const { bytes, used } = this
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return 0
      bytes[used + i] = code
    }
    return length
  }

  #utf8 (text) {
    // A lone surrogate has no UTF-8: it would come back as another character.
    if (!text.isWellFormed()) throw new TypeError('a string has a lone surrogate in it')
    this.reserve(text.length < LONG_TEXT ? 3 * text.length + 1 : Buffer.byteLength(text) + 1)
    return this.bytes.utf8Write(text, this.used)
  }

  // Writes SQL, with a NUL behind it: empty text has the length 0, which says that it ends with one. The same text
  // again is not written again.
  statement (sql) {
    if (sql === this.sql) return
    if (typeof sql !== 'string') throw new TypeError(`the SQL is a string, not ${nameOf(sql)}`)
    const at = this.used
    this.sqlLength = this.string(sql)
    this.bytes[this.used++] = 0
    this.sqlAt = at
    this.sql = sql
  }

  name (text) {
    if (text.includes('\0')) throw new TypeError('a name has a NUL in it')
    const at = this.used
    this.string(text)
    this.bytes[this.used++] = 0
    return at
  }

  // Room for `count` values, which `value` fills; their bytes come behind them.
  values (count) {
    // The length of a Proxy may be anything.
    if (!Number.isInteger(count) || count < 0) throw new TypeError('values: an array has a whole number of them')
    const at = this.align()
    this.reserve(count * VALUE)
    this.used += count * VALUE
    return at
  }

  // Writes a value at `at`. What is no value of SQLite's is refused: nothing is converted, no method of it is called.
  value (at, value) {
    switch (typeof value) {
      case 'number':
        if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.#integer(at, value)
        this.u32[at >> 2] = type.REAL
        this.u32[(at >> 2) + 1] = 0
        this.f64[(at >> 3) + 1] = value
        return
      case 'string': return this.#text(at, value)
      case 'boolean': return this.#integer(at, value ? 1 : 0)
      case 'bigint':
        if (value < MIN_INT64 || value > MAX_INT64) throw new RangeError('a BigInt does not fit in 64 bits')
        this.#integer(at, 0)
        this.i64[(at >> 3) + 1] = value
        return
      case 'object': return this.#object(at, value)
    }
    throw new TypeError(`cannot bind ${nameOf(value)}`)
  }

  #integer (at, value) {
    const u32 = at >> 2
    this.u32[u32] = type.INTEGER
    this.u32[u32 + 1] = 0
    this.u32[u32 + 2] = value // modulo 2 ** 32
    this.u32[u32 + 3] = Math.floor(value / 4294967296)
  }

  #text (at, value) {
    const offset = this.used
    const length = this.string(value)
    this.#span(at, type.TEXT, offset, length)
  }

  #span (at, kind, offset, length) {
    const u32 = at >> 2
    this.u32[u32] = kind
    this.u32[u32 + 1] = length
    this.u32[u32 + 2] = offset
    this.u32[u32 + 3] = 0
  }

  #object (at, value) {
    if (value === null) return this.#span(at, type.NULL, 0, 0)
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return this.#blob(at, bytesOf(value))
    if (types.isDate(value)) return this.#text(at, dateText(value))
    const zeros = ZeroBlob.lengthOf(value)
    if (zeros === undefined) {
      throw new TypeError(`cannot bind ${nameOf(value)}: only null, Date, Buffer, typed arrays and zeroBlob`)
    }
    this.#integer(at, zeros)
    this.u32[at >> 2] = type.ZEROBLOB
  }

  #blob (at, bytes) {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.used)
    this.#span(at, type.BLOB, this.used, bytes.length)
    this.used += bytes.length
  }
}

// Records of requests, for one call of submit.
class Records {
  constructor () {
    this.count = 0
    this.#renew(64)
  }

  #renew (capacity, old) {
    const buffer = new ArrayBuffer(capacity * request.size)
    this.u32 = new Uint32Array(buffer)
    this.f64 = new Float64Array(buffer)
    if (old) this.u32.set(old)
    this.buffer = buffer
    this.capacity = capacity
  }

  // A record of zeros; returns its number.
  add () {
    if (this.count === this.capacity) this.#renew(2 * this.capacity, this.u32)
    const { u32, count } = this
    const at = count * request.size / 4
    // `fill` is a call into native code.
    for (let i = at; i < at + request.size / 4; i++) u32[i] = 0
    return this.count++
  }

  // A record with the kind, connection and lane of another.
  addLike (record) {
    const added = this.add()
    const size = request.size / 4
    this.u32.copyWithin(added * size, record * size, record * size + request.sql / 4)
    this.setUint32(added, request.flags, 0)
    return added
  }

  setUint32 (record, field, value) { this.u32[(record * request.size + field) >> 2] = value }
  setDouble (record, field, value) { this.f64[(record * request.size + field) >> 3] = value }
  id (record) { return this.f64[(record * request.size + request.id) >> 3] }

  clear () {
    this.count = 0
    if (this.capacity > 4096) this.#renew(64)
  }
}

module.exports = { Payload, Records, ZeroBlob, nameOf }
