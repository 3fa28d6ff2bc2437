'use strict'
// The calls of a statement's methods: what each sends, and what it tells its callback.

const client = require('../client')
const { kind } = require('../layout')
const { writeSql } = require('../request')
const { Call, Part, attempt } = require('./link')
const { WholeSource, Place, writeStatement } = require('./rows')
const { sqliteError } = require('./errors')
const constants = require('./constants')

// Rows that get() reads ahead, and one for which an end may come in place of a row.
const READ_AHEAD = 16
const ONLY_ROW = 1

// One call of a method. It begins when those before it have been sent, and in the end calls the callback.
class StatementCall extends Call {
  isGet = false

  constructor (state, given, callback) {
    super(state.link)
    this.state = state
    this.given = given
    this.callback = callback
  }

  begin () {
    const { state, given, link } = this
    const error = given === null ? null : state.bind(given)
    if (error !== null) this.#refuseValues(error)
    else if (state.text.isBlank) link.mark(() => this.end(this.fail, sqliteError(constants.MISUSE, 'not an error')))
    else this.start()
  }

  start () { this.send() }

  // Why a text that is prepared for this call alone cannot be is the first thing to know: that its values do not fit
  // was found out from a guess at its parameters.
  #refuseValues (error) {
    const { state, link } = this
    const tell = notPrepared => this.end(this.fail, notPrepared ?? error)
    if (state.isOnce) new Part(link, kind.DESCRIBE, writeSql, state.text.sql, tell).send()
    else link.mark(() => tell(null))
  }

  // The end of what is no request of its own. That a statement could not be prepared was told before.
  end (tell, argument) {
    if (this.state.wasEverPrepared) attempt(() => tell.call(this, argument))
    this.atEnd()
  }

  atEnd () { this.state.left() }

  succeed () { this.callback?.call(this.state.statement, null) }

  fail (error) {
    this.state.place = null
    this.state.tell(this.callback, error)
  }

  // Never begun, as the connection has gone before. Says whether anybody has heard.
  refuse (error) {
    this.callback?.call(this.state.statement, error)
    return this.callback !== undefined
  }
}

class Prepare extends StatementCall {
  kind = kind.DESCRIBE
  write (record, records, payload, { state }) { writeSql(record, records, payload, state.text.sql) }

  succeed () {
    this.state.wasPrepared()
    super.succeed()
  }

  fail (error) {
    this.state.wasRefused()
    this.link.tell(this.callback, error, this.state.statement)
  }
}

// What runs to its end, behind which get() finds nothing until the statement begins anew.
class Whole extends StatementCall {
  start () {
    this.state.moveTo(Place.end(this.link))
    super.start()
  }
}

class Run extends Whole {
  kind = kind.EXECUTE
  write (record, records, payload, { state }) { writeStatement(record, records, payload, state.text, state.values) }

  succeed (event) {
    const { callback, state: { statement } } = this
    if (callback === undefined) return
    statement.lastID = Number(event.rowid('number'))
    statement.changes = event.changes
    callback.call(statement, null)
  }
}

class All extends Whole {
  kind = kind.FETCH
  write (record, records, payload, { state }) { writeStatement(record, records, payload, state.text, state.values) }
  succeed ({ block }) { this.callback?.call(this.state.statement, null, block.objects()) }
}

// One row, from where the call before it has left off.
class Get extends StatementCall {
  isGet = true

  start () {
    const { state, link } = this
    const isNew = this.given !== null || state.place === null
    if (isNew) state.moveTo(Place.begin(link, state.text, state.values, state.isOnce ? ONLY_ROW : READ_AHEAD))
    link.pending++
    state.place.wait(this)
    if (state.isOnce) state.place.release()
  }

  found (row) { this.#end(row === undefined ? this.succeed : this.#tell, row) }
  lost (error) { this.#end(this.fail, error) }
  #tell (row) { this.callback?.call(this.state.statement, null, row) }

  #end (tell, argument) {
    this.link.pending--
    this.end(tell, argument)
    this.link.proceed()
  }
}

// Row after row, no more in memory than are on their way.
class Each extends StatementCall {
  #source = null
  #count = 0
  #isLock = false

  constructor (state, given, callback, completed) {
    super(state, given, callback)
    this.completed = completed
  }

  start () {
    const { state, link } = this
    state.moveTo(Place.end(link))
    this.#source = new WholeSource(link, state.text, state.values, this)
    link.pending++
    link.streams++
    this.#isLock = state.isSerial || link.isSerial
    if (this.#isLock) link.locks++
  }

  rows (rows, isLast) {
    this.#count += rows.length
    // Who throws for one row hears of the next all the same.
    if (this.callback) for (const row of rows) client.guard(this, 'tellRow', row)
    if (isLast) this.#end()
    else this.#source.more()
  }

  tellRow (row) { this.callback.call(this.state.statement, null, row) }

  failed (error) {
    this.#leave()
    this.end(this.fail, error)
    this.link.proceed()
  }

  #end () {
    this.#leave()
    this.end(this.#complete)
    this.link.proceed()
  }

  #leave () {
    const { link } = this
    link.pending--
    link.streams--
    if (this.#isLock) link.locks--
  }

  // Told of the error, the first callback hears of it; the second, how many rows have come.
  fail (error) {
    if (!this.state.wasEverPrepared) return
    client.guard(this, 'tellError', error)
    this.#complete()
  }

  tellError (error) { super.fail(error) }
  #complete () { this.completed?.call(this.state.statement, null, this.#count) }
}

// bind() and reset(): nothing is sent but a mark, for the callback to come in its turn.
class Adjust extends StatementCall {
  begin () {
    const { state, given, link } = this
    const error = given === null ? null : state.bind(given)
    link.mark(() => error === null ? this.end(this.succeed) : this.end(this.fail, error))
  }
}

class Reset extends Adjust {
  begin () {
    this.state.moveTo(null)
    super.begin()
  }
}

module.exports = { Prepare, Run, All, Get, Each, Adjust, Reset }
