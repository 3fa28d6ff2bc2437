'use strict'
// Rows as they are wanted: a few chunks are on their way, and each that was read asks for one more.

const { Readable } = require('node:stream')
const native = require('./native')
const client = require('./client')
const { kind, request } = require('./layout')
const { LaneTask, failure, writeStatement } = require('./request')

const CHUNK_ROWS_MAX = 2 ** 32 - 1
const END = Object.freeze({ value: undefined, done: true })

// What has come of a stream, and who waits for more. It knows nothing of the iterator, which may be collected.
class StreamTask extends LaneTask {
  #chunks = [] // of rows that were not asked for yet
  #at = 0 // in the first of them
  #waiting = [] // who asked for rows that have not come
  #reason = null // { error }, since a function of the host may throw anything
  #isDone = false

  constructor (lane, options) {
    super(lane, options)
    // Only who waits for a row keeps the loop alive: a stream that was left paused does not.
    this.keepsAlive = false
  }

  next () {
    if (!this.#waiting.length && this.#isReady) return Promise.resolve(this.#take())
    const promise = new Promise(resolve => { this.#waiting.push(resolve) })
    client.hold(this, true)
    client.settle()
    return promise
  }

  onEvent (event) {
    const { block } = event
    if (!event.code && block.rowCount && !this.#isDone) this.#add(block)
    if (event.isFinal) this.#end(event.code ? { error: this.errorOf(event) } : null)
    this.#serve()
  }

  onRefused (code) {
    this.#end({ error: this.refusal(code) })
    this.#serve()
  }

  // The reader goes, and is to hear of nothing more.
  abandon () {
    this.#chunks.length = 0
    this.#end(null)
    this.cancel()
    this.#serve()
  }

  #add (block) {
    try {
      this.#chunks.push(this.asArrays ? block.arrays() : block.objects())
    } catch (error) {
      this.cancel()
      this.#end({ error })
    }
  }

  // Only the first reason counts: a cancel that follows from it ends with another.
  #end (reason) {
    this.leave()
    if (this.#isDone) return
    this.#isDone = true
    this.#reason = reason
  }

  get #isReady () { return this.#chunks.length > 0 || this.#isDone }

  // Gives out what is there, in the order in which it was asked for.
  #serve () {
    while (this.#waiting.length && this.#isReady) this.#waiting.shift()(this.#take())
    if (!this.#waiting.length) client.hold(this, false)
  }

  #take () {
    const chunk = this.#chunks[0]
    if (chunk !== undefined) {
      const value = chunk[this.#at++]
      if (this.#at === chunk.length) this.#drop()
      return { value, done: false }
    }
    const reason = this.#reason
    this.#reason = null
    return reason ? failure(reason.error, !this.isForeign) : END
  }

  // A chunk that was read is credit for another.
  #drop () {
    this.#chunks.shift()
    this.#at = 0
    if (!this.hasEnded) native.more(this.account.handle, this.id, 1)
  }
}

function readChunkRows (value) {
  if (Number.isInteger(value) && value >= 0 && value <= CHUNK_ROWS_MAX) return value
  throw new RangeError('chunkRows: a number of rows')
}

// An iterator that nobody has any more does not leave its query paused, with the snapshot that it reads.
const collected = new FinalizationRegistry(task => task.abandon())

class RowIterator {
  #task
  #start

  constructor (task, start) {
    this.#task = task
    this.#start = start
  }

  next () {
    const start = this.#start
    if (!start) return this.#task.next()
    this.#start = null
    try {
      start()
    } catch (error) {
      this.#task.abandon()
      return Promise.reject(error)
    }
    collected.register(this, this.#task)
    return this.#task.next()
  }

  return (value) {
    this.#start = null
    this.#task.abandon()
    return Promise.resolve({ value, done: true })
  }

  [Symbol.asyncIterator] () { return this }
}

// An async iterable. The query begins with the first row that is asked for, anew for each iterator.
class RowStream {
  #lane
  #sql
  #parameters
  #options

  constructor (lane, sql, parameters, options) {
    this.#lane = lane
    this.#sql = sql
    this.#parameters = parameters
    this.#options = options
  }

  [Symbol.asyncIterator] () {
    const task = new StreamTask(this.#lane, this.#options)
    const chunkRows = readChunkRows(this.#options?.chunkRows ?? 0)
    const sql = this.#sql
    const parameters = this.#parameters
    return new RowIterator(task, () => task.submit(kind.STREAM, (record, records, payload) => {
      records.setUint32(record, request.chunkRows, chunkRows)
      writeStatement(record, records, payload, sql, parameters)
    }))
  }

  // A Readable of rows, which reads no further ahead than it is read.
  readable (options) { return Readable.from(this[Symbol.asyncIterator](), { ...options, objectMode: true }) }
}

module.exports = { RowStream }
