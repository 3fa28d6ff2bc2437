'use strict'
// Functions of SQL written in JavaScript: sidelite tells of a call, the loop answers, at once or when a promise is
// settled.

const { types } = require('node:util')
const native = require('./native')
const client = require('./client')
const { Payload, nameOf } = require('./encode')
const { SideliteError, errorOfEvent, status } = require('./errors')
const { callKind, eventFlag, functionKind, functionFlag } = require('./layout')
const { Lane } = require('./lane')
const { failure, readTimeout } = require('./request')

// Codes of a host's own, which come back unchanged, are below -1000.
const FIRST_THROWN = -2000
const THROWN_MAX = 1000
const ARITY_MAX = 127

const payload = new Payload(4096)

// What functions have thrown, by the code that their statement ends with: its caller gets the thing itself, not its
// text.
class Thrown {
  #errors = new Map()
  #next = 0

  keep (error) {
    const code = FIRST_THROWN - this.#next
    this.#next = (this.#next + 1) % 1e6
    this.#errors.set(code, { error })
    // Of those whose statement has ended otherwise nobody asks.
    if (this.#errors.size > THROWN_MAX) this.#errors.delete(this.#errors.keys().next().value)
    return code
  }

  take (code) {
    if (code > FIRST_THROWN) return undefined
    const thrown = this.#errors.get(code)
    this.#errors.delete(code)
    return thrown
  }
}

// ---- Calls ----

const isPromise = value => typeof value === 'object' && value !== null && typeof value.then === 'function'

// One registration. It does not keep its connection from being collected, which has the methods.
class FunctionTask extends client.Task {
  #connection
  #groups = new Map() // the states of aggregates that are being computed

  constructor (connection, config) {
    super(connection.account)
    this.#connection = new WeakRef(connection)
    this.config = config
    this.name = keyOf(config)
    this.integers = connection.integers
    this.promise = new Promise(resolve => { this.resolve = resolve })
  }

  onEvent (event) {
    if (event.flags & eventFlag.CALL) return this.#called(event)
    client.hold(this, false)
    if (event.code) this.#ended(failure(errorOfEvent(event), true))
    else this.#inForce(this.#connection.deref()?.functions)
  }

  #ended (value) {
    this.account.retire(this)
    this.resolve(value)
  }

  // The one whose place it takes is called no more.
  #inForce (functions) {
    const old = functions?.get(this.name)
    if (old) this.account.retire(old)
    if (this.config.flags & functionFlag.REMOVE) {
      functions?.delete(this.name)
      return this.#ended()
    }
    functions?.set(this.name, this)
    this.resolve()
  }

  #called (event) {
    const { code, id } = event
    const group = event.changes
    if (code === callKind.END) return void this.#groups.delete(group)
    const connection = this.#connection.deref()
    try {
      const methods = connection.methods.get(this)
      const value = this.#run(methods, code, group, event.block.arrays(), new Lane(connection, id, connection))
      if (isPromise(value)) value.then(value => this.#answer(id, value), error => this.#fail(id, error))
      else this.#answer(id, value)
    } catch (error) {
      this.#fail(id, error)
    }
  }

  #run (methods, code, group, rows, lane) {
    if (code === callKind.SCALAR) return methods.call.apply(lane, rows[0])
    const step = code === callKind.INVERSE ? methods.inverse : methods.step
    const state = this.#groups.has(group) ? this.#groups.get(group) : methods.start()
    const end = state => {
      if (code === callKind.FINAL) this.#groups.delete(group)
      else this.#groups.set(group, state)
      return code === callKind.VALUE || code === callKind.FINAL ? methods.result.call(lane, state) : null
    }
    const last = steps(step, lane, state, rows, 0)
    return isPromise(last) ? last.then(end) : end(last)
  }

  #answer (call, value) {
    try {
      this.#reply(call, value === undefined ? null : value, 0)
    } catch (error) {
      this.#fail(call, error)
    }
  }

  #fail (call, error) {
    const isError = types.isNativeError(error) && typeof error.message === 'string'
    const text = isError ? error.message : `a function has thrown ${nameOf(error)}`
    this.#reply(call, text.toWellFormed(), this.#connection.deref()?.thrown.keep(error) ?? status.ABORTED)
  }

  // Of one that waits no longer, as it was cancelled, nobody wants to know.
  #reply (call, value, code) {
    payload.clear()
    const at = payload.values(1)
    payload.value(at, value)
    native.reply(this.account.handle, call, payload.buffer, at, code)
  }
}

// Many rows come at a time; where a step is asynchronous, the next waits for it.
function steps (step, lane, state, rows, from) {
  for (let i = from; i < rows.length; i++) {
    const next = step.call(lane, state, ...rows[i])
    if (isPromise(next)) return next.then(next => steps(step, lane, next, rows, i + 1))
    state = next
  }
  return state
}

// ---- Registration ----

function flagsOf ({ deterministic, directOnly, innocuous }) {
  return (deterministic ? functionFlag.DETERMINISTIC : 0) | (directOnly ? functionFlag.DIRECTONLY : 0) |
    (innocuous ? functionFlag.INNOCUOUS : 0)
}

function readName (name) {
  if (typeof name === 'string' && name !== '' && !name.includes('\0') && name.isWellFormed()) return name
  throw new TypeError('the name of a function is a text')
}

function readMethod (name, method) {
  if (typeof method !== 'function') throw new TypeError(`${name} is a function, not ${nameOf(method)}`)
  return method
}

function readArity ({ arity }, otherwise) {
  if (arity === undefined) return otherwise
  if (Number.isInteger(arity) && arity >= -1 && arity <= ARITY_MAX) return arity
  throw new RangeError(`arity: a number of arguments, at most ${ARITY_MAX}, or -1 for any`)
}

// Only ASCII letters are the same to SQLite in both cases.
const fold = name => name.replace(/[A-Z]/g, letter => letter.toLowerCase())

// As SQLite tells them apart.
function keyOf ({ kind, name, nArgs }) {
  return `${kind === functionKind.COLLATION ? 'collation' : nArgs} ${fold(name)}`
}

function scalar (connection, name, options, fn) {
  readMethod('the function', fn)
  return register(connection, configOf(functionKind.SCALAR, name, options, readArity(options, fn.length)), { call: fn })
}

function aggregate (connection, name, options) {
  const { start, step, inverse, result } = options
  readMethod('step', step)
  if (inverse !== undefined) readMethod('inverse', inverse)
  const methods = {
    start: typeof start === 'function' ? start : () => start === undefined ? null : start,
    step,
    inverse,
    result: result === undefined ? state => state : readMethod('result', result)
  }
  const kind = inverse ? functionKind.WINDOW : functionKind.AGGREGATE
  return register(connection, configOf(kind, name, options, readArity(options, Math.max(step.length - 1, 0))), methods)
}

function collation (connection, name, compare) {
  readMethod('the collation', compare)
  return register(connection, configOf(functionKind.COLLATION, name, {}, -1), { call: compare })
}

function configOf (kind, name, options, nArgs) {
  const { replyTimeout } = options
  return {
    kind,
    name: readName(name),
    nArgs: kind === functionKind.COLLATION ? 0 : nArgs,
    flags: flagsOf(options),
    replyTimeout: replyTimeout === undefined ? 0 : readTimeout(replyTimeout, 'replyTimeout')
  }
}

// Registers or, without methods, removes. Done when it is in force; what is submitted after the call sees it.
async function register (connection, config, methods) {
  connection.check()
  client.flush()
  const task = new FunctionTask(connection, config)
  if (methods) connection.methods.set(task, methods)
  const code = native.createFunction(connection.handle, config, connection.account.keep(task))
  if (code < 0) connection.account.retire(task)
  client.settle()
  if (code < 0) throw new SideliteError(code)
  await task.promise
}

// Removes those of this name: a collation, or the functions for all numbers of arguments. False when there are none.
async function remove (connection, name, isCollation) {
  const folded = fold(readName(name))
  const found = [...connection.functions.values()].filter(({ config }) =>
    fold(config.name) === folded && (config.kind === functionKind.COLLATION) === isCollation)
  await Promise.all(found.map(({ config }) => register(connection, { ...config, flags: functionFlag.REMOVE }, null)))
  return found.length > 0
}

module.exports = { Thrown, scalar, aggregate, collation, remove }
