'use strict'
// Parameters, in all the forms in which they may be given, and how values are written.

const { types } = require('node:util')
const { request, type, value: valueLayout } = require('../layout')
const constants = require('./constants')
const { sqliteError } = require('./errors')

const isBytes = value => ArrayBuffer.isView(value)
// Also those of another context of `vm`, as a test runner may have it.
const isPlain = value => types.isRegExp(value) || types.isDate(value) || isBytes(value)

// What was given to a call: values by position, or by name or number.
class Given {
  constructor (values, names) {
    this.values = values
    this.names = names
  }

  // Bytes as they are now: what waits for its turn is sent later.
  keep () {
    this.values = this.values.map(value => isBytes(value) ? Buffer.from(bytesOf(value)) : value)
  }

  // The values in the order of the statement's parameters. Undefined is NULL, and is not looked up.
  // - `bound.error`: a value that has no parameter; those before it are bound, as node-sqlite3 has it.
  bind (parameters) {
    const bound = { values: new Array(parameters.count), error: null }
    for (let i = 0; i < this.values.length; i++) {
      const value = this.values[i]
      if (value === undefined || typeof value === 'symbol') continue
      const index = this.names ? indexOf(parameters, this.names[i]) : i + 1
      if (index < 1 || index > parameters.count) {
        bound.error = sqliteError(constants.RANGE, 'column index out of range')
        break
      }
      bound.values[index - 1] = value
    }
    return bound
  }
}

function indexOf (parameters, name) {
  const number = Number(name)
  return number === (number | 0) && number !== 0 ? number : parameters.indexOf(name)
}

function byName (object) {
  const names = []
  for (const name in object) names.push(name)
  return names
}

// Null when nothing was given, which leaves a statement's values as they are.
function givenOf (args) {
  if (args.length === 0) return null
  const first = args[0]
  if (Array.isArray(first)) return first.length ? new Given(check([...first]), null) : null
  if (first !== Object(first) || isPlain(first)) return new Given(check(args), null)
  const names = byName(first)
  return names.length ? new Given(check(names.map(name => first[name])), names) : null
}

function check (values) {
  for (const value of values) {
    if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value) {
      throw new RangeError('a BigInt does not fit in 64 bits')
    }
  }
  return values
}

function bytesOf (view) {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

// What is written for an object: its text is not asked for.
function ofObject (value) {
  if (value === null || isBytes(value)) return value
  if (types.isRegExp(value)) return String(value)
  return '[object Object]'
}

function writeReal (payload, at, value) {
  payload.u32[at >> 2] = type.REAL
  payload.u32[(at >> 2) + 1] = 0
  payload.f64[(at >> 3) + 1] = value
}

function writeValue (payload, at, value) {
  switch (typeof value) {
    case 'number': return value === (value | 0) ? payload.value(at, value | 0) : writeReal(payload, at, value)
    case 'string': return payload.value(at, value.isWellFormed() ? value : value.toWellFormed())
    case 'object':
      if (types.isDate(value)) return writeReal(payload, at, value.getTime())
      return payload.value(at, ofObject(value))
    case 'function': return payload.value(at, ofObject(value))
    case 'boolean':
    case 'bigint': return payload.value(at, value)
    default: return payload.value(at, null)
  }
}

function writeValues (record, records, payload, values) {
  const at = payload.values(values.length)
  for (let i = 0; i < values.length; i++) writeValue(payload, at + i * valueLayout.size, values[i])
  records.setUint32(record, request.values, at)
  records.setUint32(record, request.columns, values.length)
  records.setUint32(record, request.rows, 1)
}

module.exports = { givenOf, writeValues }
