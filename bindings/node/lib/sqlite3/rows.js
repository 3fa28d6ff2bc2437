'use strict'
// Rows that come as they are wanted: a stream, and the place that a statement's get() keeps in it.

const native = require('../native')
const client = require('../client')
const { kind, request } = require('../layout')
const { writeSql } = require('../request')
const { errorOfEvent, sqliteError } = require('./errors')
const { writeValues } = require('./values')

const INTERRUPT = 9
const RAMP = 0 // rows of a chunk as sidelite sees fit: 16 at first
const WINDOW = 2 // chunks on their way

function writeStatement (record, records, payload, text, values) {
  writeSql(record, records, payload, text.sql)
  if (values.length) writeValues(record, records, payload, values)
}

function writeStream (record, records, payload, source) {
  records.setUint32(record, request.chunkRows, source.chunkRows)
  records.setUint32(record, request.window, source.window)
  writeStatement(record, records, payload, source.text, source.values)
}

class StreamTask extends client.Task {
  constructor (source) {
    super(source.link.account)
    this.source = source
    this.integers = 'rounded'
  }

  onEvent (event) {
    if (event.code) this.source.failed(event.code, this.source.link.failure ?? errorOfEvent(event))
    else this.source.came(event.block.objects(), event.isFinal)
  }

  onRefused (status) { this.source.failed(status, sqliteError(status)) }
}

// The rows of one statement for `reader`, which has rows(rows, isLast) and failed(error). Each of its calls is a chunk,
// of which `window` come by themselves, and further ones by more().
class Source {
  isEnded = false
  #isLeft = false
  #isLeaving = false
  #credit = 0
  #task

  constructor (link, text, values, chunkRows, window, reader) {
    this.link = link
    this.text = text
    this.values = values
    this.chunkRows = chunkRows
    this.window = window
    this.reader = reader
    this.send()
  }

  send () {
    this.#credit = this.window
    this.#task = new StreamTask(this)
    client.submit(this.#task, kind.STREAM, this.link.account.handle, 0, writeStream, this)
  }

  came (rows, isLast) {
    this.#credit--
    if (isLast) this.#end()
    if (!this.#isLeft) this.reader.rows(rows, isLast)
  }

  failed (code, error) {
    this.#end()
    if (!this.#isLeft) this.reader.failed(error)
  }

  #end () {
    this.isEnded = true
    if (!this.#isLeaving) return
    this.link.leaving--
    this.link.proceed()
  }

  get isPaused () { return this.#credit === 0 && !this.isEnded }

  more () {
    this.#credit++
    native.more(this.link.account.handle, this.#task.id, 1)
  }

  // It will be left soon: what cannot run beside it waits for that.
  announceLeave () {
    if (this.isEnded || this.#isLeaving) return
    this.#isLeaving = true
    this.link.leaving++
  }

  // Nobody reads it any more. It is stopped unless its end is among the events that have come with this one.
  leave () {
    if (this.#isLeft) return
    this.announceLeave()
    this.#isLeft = true
    queueMicrotask(() => { if (!this.isEnded) this.#task.cancel() })
  }
}

// All rows, many at a time. Those that were made before an error are not lost: a SELECT is run again to fetch them one
// by one up to where the error is.
class WholeSource extends Source {
  #received = 0
  #skip = 0

  constructor (link, text, values, reader) { super(link, text, values, RAMP, WINDOW, reader) }

  came (rows, isLast) {
    const skipped = Math.min(this.#skip, rows.length)
    this.#skip -= skipped
    this.#received += rows.length - skipped
    super.came(skipped ? rows.slice(skipped) : rows, isLast)
  }

  failed (code, error) {
    const isExact = this.chunkRows === 1 || !this.text.isQuery || code < 0 || (code & 0xff) === INTERRUPT
    if (isExact) return super.failed(code, error)
    this.chunkRows = 1
    this.#skip = this.#received
    this.send()
  }
}

// Where get() is in a statement's rows. A few are read ahead: a result that ends with them leaves no read transaction
// open. Of a longer one the SELECT stays open until the statement is reset, bound, run or finalized.
class Place {
  source = null
  #waiters = []
  #rows = []
  #error = null
  #isOver = false // nothing comes any more
  #hasBegun = false
  #isReleased = false
  #isCounted = false

  constructor (link) { this.link = link }

  // At the end, as after run() and all().
  static end (link) {
    const place = new Place(link)
    place.#isOver = place.#hasBegun = true
    return place
  }

  static begin (link, text, values, rowsAhead) {
    const place = new Place(link)
    place.source = new Source(link, text, values, 1, 1 + rowsAhead, place)
    return place
  }

  // Whether those who wait may need more than what is on its way: others must not overtake them then.
  get isBehind () { return this.#waiters.length > (this.#hasBegun ? 0 : 1) }

  // `waiter` has found(row), with undefined at the end, and lost(error).
  wait (waiter) {
    this.#waiters.push(waiter)
    this.#count()
    if (!this.#hasBegun) return
    if (this.#rows.length || this.#isOver) this.link.mark(() => this.#serve())
    else this.#ask()
  }

  // Nobody comes any more after those who wait.
  release () {
    this.#isReleased = true
    this.source?.announceLeave()
    if (!this.#waiters.length) this.source?.leave()
  }

  rows (rows, isLast) {
    this.#hasBegun = true
    this.#rows.push(...rows)
    this.#isOver = isLast
    this.#serve()
  }

  failed (error) {
    this.#error = error
    this.rows([], true)
  }

  #serve () {
    while (this.#waiters.length && (this.#rows.length || this.#isOver)) {
      const row = this.#rows.shift()
      const waiter = this.#waiters.shift()
      this.#count()
      // Who is told may throw; the others are told all the same.
      if (row === undefined && this.#error) client.guard(waiter, 'lost', this.#error)
      else client.guard(waiter, 'found', row)
    }
    if (this.#waiters.length) this.#ask()
    else if (this.#isReleased) this.source?.leave()
  }

  #ask () {
    if (this.source.isPaused) this.source.more()
  }

  #count () {
    if (this.isBehind === this.#isCounted) return
    this.#isCounted = !this.#isCounted
    this.link.streams += this.#isCounted ? 1 : -1
  }
}

module.exports = { WholeSource, Place, writeStatement }
