'use strict'
// Database: an EventEmitter with the methods of node-sqlite3's.

const { EventEmitter } = require('node:events')
const constants = require('./constants')
const { Link } = require('./link')
const { Statement } = require('./statement')
const { Backup } = require('./backup')
const { optionalFunction, requiredString } = require('./arguments')

const DEFAULT_MODE = constants.OPEN_READWRITE | constants.OPEN_CREATE | constants.OPEN_FULLMUTEX
const OBSERVED = ['trace', 'profile', 'change']

const untilNul = text => text.split('\0', 1)[0].toWellFormed()

const fixed = value => ({ value, writable: false, enumerable: false, configurable: false })

class Database {
  #link

  constructor (filename, mode, callback) {
    if (typeof filename !== 'string') throw new TypeError('String expected')
    if (mode !== (mode | 0)) {
      if (typeof mode === 'function') callback = mode
      mode = DEFAULT_MODE
    }
    Object.defineProperties(this, { filename: fixed(filename), mode: fixed(mode) })
    this.#link = new Link(this, untilNul(filename), mode, typeof callback === 'function' ? callback : undefined)
  }

  get open () { return this.#link.isOpen }

  // ---- Statements ----

  run (sql, ...args) { return this.#once(sql, 'run', args) }
  get (sql, ...args) { return this.#once(sql, 'get', args) }
  all (sql, ...args) { return this.#once(sql, 'all', args) }
  map (sql, ...args) { return this.#once(sql, 'map', args) }

  #once (sql, method, args) {
    Statement.once(this.#link, sql, method, args)
    return this
  }

  // Prepared first, so that an error there goes to the last callback, and one of its rows to the first.
  each (sql, ...args) {
    new Statement(this, sql, errorsFor(args)).each(...args).finalize()
    return this
  }

  prepare (sql, ...args) {
    const callback = typeof args.at(-1) === 'function' ? args.at(-1) : undefined
    if (args.length <= 1 && (callback || !args.length)) return new Statement(this, sql, callback)
    return new Statement(this, sql, errorsFor(args)).bind(...args)
  }

  exec (sql, callback) {
    this.#link.exec(untilNul(requiredString(sql, 0)), optionalFunction(callback, 1))
    return this
  }

  // ---- The connection ----

  close (callback) {
    this.#link.close(optionalFunction(callback, 0))
    return this
  }

  wait (callback) {
    this.#link.wait(optionalFunction(callback, 0))
    return this
  }

  serialize (callback) { return this.#ordered(true, optionalFunction(callback, 0)) }
  parallelize (callback) { return this.#ordered(false, optionalFunction(callback, 0)) }

  #ordered (isSerial, callback) {
    const link = this.#link
    const before = link.isSerial
    link.isSerial = isSerial
    if (callback) {
      try {
        callback.call(this)
      } finally {
        link.isSerial = before
      }
    }
    link.proceed()
    return this
  }

  configure (option, ...values) {
    if (values.length < 1) throw new TypeError('Expected 2arguments')
    if (OBSERVED.includes(option)) this.#link.observe(option, Boolean(values[0]))
    else if (option === 'busyTimeout') this.#setBusyTimeout(values[0])
    else if (option === 'limit') this.#setLimit(values)
    else throw new TypeError(`${option} is not a valid configuration option`)
    return this
  }

  #setBusyTimeout (milliseconds) {
    if (typeof milliseconds !== 'number') throw new TypeError('Value must be an integer')
    this.#link.setBusyTimeout(milliseconds)
  }

  #setLimit (values) {
    if (values.length < 2) throw new TypeError('Expected 3arguments')
    if (typeof values[0] !== 'number') throw new TypeError('limit id must be an integer')
    if (typeof values[1] !== 'number') throw new TypeError('limit value must be an integer')
    this.#link.setLimit(values[0], values[1])
  }

  interrupt () {
    if (!this.#link.isOpen) throw new Error('Database is not open')
    if (this.#link.isClosing) throw new Error('Database is closing')
    this.#link.interrupt()
    return this
  }

  loadExtension (filename, callback) {
    this.#link.loadExtension(untilNul(requiredString(filename, 0)), optionalFunction(callback, 1))
    return this
  }

  // backup(filename, [callback]), or backup(filename, destName, sourceName, filenameIsDest, [callback])
  backup (filename, ...args) {
    const backup = args.length <= 1
      ? new Backup(this, filename, 'main', 'main', true, args[0])
      : new Backup(this, filename, ...args)
    backup.retryErrors = [constants.BUSY, constants.LOCKED]
    return backup
  }

  // ---- Events: sidelite is asked for those that somebody listens to ----

  on (type, ...rest) {
    EventEmitter.prototype.on.call(this, type, ...rest)
    if (OBSERVED.includes(type)) this.configure(type, true)
    return this
  }

  removeListener (type, ...rest) {
    EventEmitter.prototype.removeListener.call(this, type, ...rest)
    if (OBSERVED.includes(type) && !this.listenerCount(type)) this.configure(type, false)
    return this
  }

  removeAllListeners (type, ...rest) {
    EventEmitter.prototype.removeAllListeners.call(this, ...(type === undefined ? [] : [type, ...rest]))
    for (const name of OBSERVED) if (type === undefined || type === name) this.configure(name, false)
    return this
  }
}

Object.setPrototypeOf(Database.prototype, EventEmitter.prototype)
Object.defineProperty(Database.prototype, 'addListener', Object.getOwnPropertyDescriptor(Database.prototype, 'on'))
Object.defineProperty(Database.prototype, 'off', Object.getOwnPropertyDescriptor(Database.prototype, 'removeListener'))

// The callback of the call that follows hears of errors in preparing, too.
function errorsFor (args) {
  const callback = args.at(-1)
  if (typeof callback !== 'function') return undefined
  return function (error) { if (error) callback.call(this, error) }
}

module.exports = { Database }
