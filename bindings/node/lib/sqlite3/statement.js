'use strict'
// Statement: its calls run in the order in which they were made, and what they bind stays bound.

const { EventEmitter } = require('node:events')
const { attempt, linkOf, APART } = require('./link')
const { Prepare, Run, All, Get, Each, Adjust, Reset } = require('./calls')
const { textOf } = require('./text')
const { givenOf } = require('./values')
const { sqliteError } = require('./errors')
const { optionalFunction } = require('./arguments')
const constants = require('./constants')

// What is finalized when a statement is collected that was not; it must not hold the statement.
class Life {
  place = null
  isCounted = false

  constructor (link) { this.link = link }

  end () {
    this.place?.release()
    this.place = null
    if (!this.isCounted) return
    this.isCounted = false
    this.link.unfinalized--
  }
}

const collected = new FinalizationRegistry(life => {
  life.end()
  life.link.proceed()
})

class State {
  text
  values
  isFinalized = false
  wasEverPrepared = false
  #life
  #out = 0 // calls that were begun and have not ended
  #isHeld = false // the calls that follow must wait
  #calls = [] // that wait
  #finalizing = null
  #late = [] // calls behind finalize()

  // `isOnce`: made for one call, which prepares it.
  constructor (statement, link, sql, isOnce) {
    this.statement = statement
    this.link = link
    this.sql = sql
    this.isOnce = isOnce
    this.isSerial = link.isSerial
    this.text = textOf(sql)
    this.values = this.text.noValues
    this.#life = new Life(link)
    this.wasEverPrepared = isOnce
  }

  get place () { return this.#life.place }
  set place (place) { this.#life.place = place }

  // Gives up the place that get() has.
  moveTo (place) {
    this.#life.place?.release()
    this.#life.place = place
  }

  bind (given) {
    const { values, error } = given.bind(this.text.parameters)
    this.values = values
    this.moveTo(null)
    return error
  }

  tell (callback, error) {
    // When it could not be prepared, that was told.
    if (this.wasEverPrepared) this.link.tell(callback, error, this.statement)
  }

  // ---- Preparing ----

  prepare (callback) {
    const call = new Prepare(this, null, callback)
    this.#isHeld = true
    this.link.schedule(this.link.plain, () => {
      this.#out++
      call.send()
      this.#release()
    }, error => {
      this.wasRefused()
      return call.refuse(error)
    })
  }

  wasPrepared () {
    this.wasEverPrepared = true
    if (this.text.isBlank) return
    this.#life.isCounted = true
    this.link.unfinalized++
    collected.register(this.statement, this.#life, this.#life)
  }

  wasRefused () {
    this.isFinalized = true
    this.#calls = []
    this.#late = []
  }

  // ---- Calls ----

  enter (call) {
    if (this.isFinalized || this.#finalizing !== null) this.#enterLate(call)
    else if (this.#isHeld || this.#calls.length || this.#mustWait(call)) this.#hold(call)
    else this.#begin(call)
  }

  // Behind rows that somebody waits for, and which may have to be fetched yet.
  #mustWait (call) {
    const { place } = this
    return place !== null && place.isBehind && !(call.isGet && call.given === null)
  }

  #hold (call) {
    call.given?.keep()
    this.#calls.push(call)
  }

  #begin (call) {
    const { link } = this
    const turn = this.text.isPlain ? link.plain : APART
    // A statement that was prepared need not wait for its turn, but for what stands in its own way.
    if ((this.isOnce || turn === APART) && (link.isOver || !link.isNext(turn))) return this.#schedule(turn, call)
    this.#start(call)
  }

  // What cannot be sent, as it is too large, is told to its callback.
  #start (call) {
    this.#out++
    try {
      call.begin()
    } catch (error) {
      this.link.mark(() => call.end(call.fail, error))
    }
  }

  #schedule (turn, call) {
    call.given?.keep()
    this.#isHeld = true
    this.link.schedule(turn, () => {
      this.#start(call)
      this.#release()
    }, error => {
      this.isFinalized = true
      return call.refuse(error)
    })
  }

  #release () {
    this.#isHeld = false
    const calls = this.#calls
    while (calls.length && !this.#isHeld && !this.#mustWait(calls[0])) this.#begin(calls.shift())
    this.#announceEnd()
  }

  left () {
    this.#out--
    if (this.#calls.length && !this.#isHeld) this.#release()
    attempt(() => this.#settle())
  }

  // ---- The end ----

  finalize (callback) {
    if (this.isFinalized || this.#finalizing !== null) {
      return this.#enterLate({ refuse: error => this.#refuse(callback, error) })
    }
    this.#finalizing = { callback }
    this.#announceEnd()
    this.#settle()
  }

  // Rows that get() has read ahead are not wanted any more when its last call has begun.
  #announceEnd () {
    if (this.#finalizing !== null && !this.#calls.length) this.place?.release()
  }

  #settle () {
    if (this.#finalizing === null || this.#out || this.#isHeld || this.#calls.length || this.isFinalized) return
    const { callback } = this.#finalizing
    this.isFinalized = true
    collected.unregister(this.#life)
    this.#life.end()
    try {
      this.#refuseLate()
    } finally {
      this.#say(callback)
    }
  }

  // Within finalize() itself when there was nothing to wait for, as node-sqlite3 does.
  #say (callback) {
    try {
      callback?.call(this.statement)
    } finally {
      this.link.proceed()
    }
  }

  // What comes after finalize() is told so when that has happened, or at once.
  #enterLate (call) {
    if (!this.wasEverPrepared && this.isFinalized) return
    this.#late.push(call)
    if (this.isFinalized) this.#refuseLate()
  }

  #refuseLate () {
    const late = this.#late
    if (!late.length) return
    this.#late = []
    const error = sqliteError(constants.MISUSE, 'Statement is already finalized')
    let isHeard = false
    for (const call of late) attempt(() => { isHeard = call.refuse(error) || isHeard })
    if (!isHeard) this.statement.emit('error', error)
  }

  #refuse (callback, error) {
    callback?.call(this.statement, error)
    return callback !== undefined
  }
}

const ONCE = Symbol('once')

class Statement {
  #state

  constructor (database, sql, callback) {
    if (callback === ONCE) {
      this.#state = new State(this, database, sql, true)
      return
    }
    const link = linkOf(database)
    if (link === undefined) throw new TypeError('Database object expected')
    if (typeof sql !== 'string') throw new TypeError('SQL query expected')
    if (callback !== undefined && typeof callback !== 'function') throw new TypeError('Callback expected')
    this.#state = new State(this, link, sql, false)
    this.#state.prepare(callback)
  }

  // For one call of a Database's method, which ends with it.
  static once (link, sql, method, args) {
    if (typeof sql !== 'string') throw new TypeError('SQL query expected')
    const statement = new Statement(link, sql, ONCE)
    statement[method](...args)
    // Of a database that is closed it was refused at once.
    if (!statement.#state.isFinalized) statement.#state.finalize(undefined)
  }

  get sql () { return this.#state.sql }

  bind (...args) { return this.#call(Adjust, args) }
  run (...args) { return this.#call(Run, args) }
  get (...args) { return this.#call(Get, args) }
  all (...args) { return this.#call(All, args) }

  each (...args) {
    const isCompleted = args.length > 1 && typeof args.at(-1) === 'function' && typeof args.at(-2) === 'function'
    const completed = isCompleted ? args.pop() : undefined
    return this.#call(Each, args, completed)
  }

  map (...args) {
    const callback = args.pop()
    return this.all(...args, function (error, rows) {
      if (error) return callback.call(this, error)
      callback.call(this, null, mapOf(rows))
    })
  }

  reset (callback) {
    this.#state.enter(new Reset(this.#state, null, optionalFunction(callback, 0)))
    return this
  }

  finalize (callback) {
    this.#state.finalize(optionalFunction(callback, 0))
    return this.#state.link.database
  }

  #call (Kind, args, completed) {
    const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined
    this.#state.enter(new Kind(this.#state, givenOf(args), callback, completed))
    return this
  }
}

// The first column leads to the second or, where there are more, to the row.
function mapOf (rows) {
  const result = {}
  if (!rows.length) return result
  const [key, value, ...others] = Object.keys(rows[0])
  for (const row of rows) result[row[key]] = others.length ? row : row[value]
  return result
}

Object.setPrototypeOf(Statement.prototype, EventEmitter.prototype)

module.exports = { Statement }
