'use strict'
// Rows out of the block of memory that a result is: no call for a cell, and one string for many texts.

const layout = require('./layout')
const { result, type } = layout

// Texts that are ASCII are cut out of a string of so many bytes, which V8 may keep as long as it keeps one of them.
const WINDOW = 16384

// What makes rows with these columns. One for each list of names that was seen; few programs have many.
const shapes = new Map()
const SHAPES_MAX = 1000

class Shape {
  constructor (columns, names) {
    this.columns = columns
    this.toObject = objectMaker(columns)
    this.names = names // the bytes of all
  }

  // Most results have the columns of the one before: a loop over a few bytes costs less than a string of them.
  isOf (bytes, start, end) {
    const { names } = this
    if (names.length !== end - start) return false
    for (let i = 0; i < names.length; i++) if (names[i] !== bytes[start + i]) return false
    return true
  }
}

const NO_COLUMNS = new Shape([], Buffer.alloc(0))
let latest = NO_COLUMNS

// A function that makes an object of the cells of a row. Where code may not be made of strings (a page's policy in
// Electron) a loop does the same, slower. In brackets `__proto__` is a name like others.
function objectMaker (columns) {
  try {
    const keys = columns.map(name => name === '__proto__' ? '["__proto__"]' : JSON.stringify(name))
    const fields = keys.map((key, i) => `${key}: block.cell(at + ${4 * i})`)
    return new Function('block', 'at', `return {${fields.join(', ')}}`) // eslint-disable-line no-new-func
  } catch {
    return (block, at) => {
      const row = {}
      for (let i = 0; i < columns.length; i++) {
        const value = block.cell(at + 4 * i)
        Object.defineProperty(row, columns[i], { value, writable: true, enumerable: true, configurable: true })
      }
      return row
    }
  }
}

// Memory that results come in; `bytes`, `i32` and the others look at the same.
class Memory {
  constructor (buffer) {
    this.buffer = buffer
    this.bytes = Buffer.from(buffer)
    this.i32 = new Int32Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.i64 = new BigInt64Array(buffer, 0, buffer.byteLength >> 3)
  }
}

// One result. `integers`: 'number', where one that a number cannot hold is an error, 'bigint', or 'rounded'.
class Block {
  constructor (memory, start, isAscii, integers) {
    this.memory = memory
    this.i32 = memory.i32
    this.f64 = memory.f64
    this.start = start
    this.isAscii = isAscii
    this.isBigInt = integers === 'bigint'
    this.isRounded = integers === 'rounded'
    this.rowCount = memory.u32[(start + result.rows) >> 2]
    this.columnCount = memory.u32[(start + result.columns) >> 2]
    this.window = ''
    this.windowStart = this.windowEnd = 0
    this.end = start + memory.u32[(start + result.bytes) >> 2]
  }

  #offset (field) { return this.memory.u32[(this.start + field) >> 2] }

  get message () {
    const offset = this.#offset(result.message)
    if (!offset) return undefined
    const at = this.start + offset
    return this.memory.bytes.utf8Slice(at, at + this.#offset(result.messageLength))
  }

  get sqliteCode () { return this.i32[(this.start + result.sqliteCode) >> 2] }
  get sqlOffset () { return this.i32[(this.start + result.sqlOffset) >> 2] }
  get systemErrno () { return this.i32[(this.start + result.systemErrno) >> 2] }

  // Names lie one behind the other, with a NUL after each.
  get shape () {
    if (!this.columnCount) return NO_COLUMNS
    const at = (this.start + this.#offset(result.names)) >> 2
    const last = at + 4 * (this.columnCount - 1)
    const start = this.start + this.i32[at + 2]
    const end = this.start + this.i32[last + 2] + this.i32[last + 1]
    if (!latest.isOf(this.memory.bytes, start, end)) latest = this.#find(start, end)
    return latest
  }

  #find (start, end) {
    const key = this.memory.bytes.latin1Slice(start, end)
    let shape = shapes.get(key)
    if (!shape) {
      if (shapes.size >= SHAPES_MAX) shapes.clear()
      shapes.set(key, shape = new Shape(this.#columns(), Buffer.from(key, 'latin1')))
    }
    return shape
  }

  #columns () {
    const at = (this.start + this.#offset(result.names)) >> 2
    return Array.from({ length: this.columnCount }, (_, i) => {
      const start = this.start + this.i32[at + 4 * i + 2]
      return this.memory.bytes.utf8Slice(start, start + this.i32[at + 4 * i + 1])
    })
  }

  // The cells of row `i` begin at this index of `i32`.
  row (i) {
    return ((this.start + this.#offset(result.values)) >> 2) + 4 * this.columnCount * i
  }

  get columns () { return this.shape.columns.slice() }

  object (at) { return this.shape.toObject(this, at) }

  array (at) {
    const row = new Array(this.columnCount)
    for (let i = 0; i < row.length; i++, at += 4) row[i] = this.cell(at)
    return row
  }

  objects () {
    const rows = new Array(this.rowCount)
    const { toObject } = this.shape
    for (let i = 0, at = this.row(0); i < rows.length; i++, at += 4 * this.columnCount) rows[i] = toObject(this, at)
    return rows
  }

  arrays () {
    const rows = new Array(this.rowCount)
    for (let i = 0, at = this.row(0); i < rows.length; i++, at += 4 * this.columnCount) rows[i] = this.array(at)
    return rows
  }

  cell (at) {
    switch (this.i32[at]) {
      case type.INTEGER: {
        const low = this.i32[at + 2]
        return this.i32[at + 3] === low >> 31 && !this.isBigInt ? low : this.#wide(at)
      }
      case type.REAL: return this.f64[(at + 2) >> 1]
      case type.TEXT: return this.#text(this.start + this.i32[at + 2], this.memory.u32[at + 1])
      case type.BLOB: return this.#blob(this.start + this.i32[at + 2], this.memory.u32[at + 1])
      default: return null
    }
  }

  #wide (at) {
    if (this.isBigInt) return this.memory.i64[(at + 2) >> 1]
    const number = this.i32[at + 3] * 4294967296 + this.memory.u32[at + 2]
    if (this.isRounded || Number.isSafeInteger(number)) return number
    const integer = this.memory.i64[(at + 2) >> 1]
    throw new RangeError(`the integer ${integer} does not fit in a number: read it with integers: 'bigint'`)
  }

  #text (start, length) {
    const end = start + length
    if (!this.isAscii) return this.memory.bytes.utf8Slice(start, end)
    if (length > WINDOW / 4) return this.memory.bytes.latin1Slice(start, end)
    if (start < this.windowStart || end > this.windowEnd) {
      this.windowStart = start
      this.windowEnd = Math.min(start + WINDOW, this.end)
      this.window = this.memory.bytes.latin1Slice(start, this.windowEnd)
    }
    return this.window.substring(start - this.windowStart, end - this.windowStart)
  }

  #blob (start, length) {
    const copy = Buffer.allocUnsafe(length)
    this.memory.bytes.copy(copy, 0, start, start + length)
    return copy
  }
}

module.exports = { Memory, Block }
