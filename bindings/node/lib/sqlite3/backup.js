'use strict'
// Backup: a database copied to a file, or from one, in steps.
//
// sidelite gives way to other requests between the pages that it copies, which is what steps are there for. So a step
// that leaves pages to be copied only counts them, and the one that reaches the last page copies all. As with SQLite's
// own steps the target is what it was until then; unlike there it is not locked meanwhile.

const { EventEmitter } = require('node:events')
const { kind } = require('../layout')
const { writeArguments, writeSql } = require('../request')
const constants = require('./constants')
const { Link, Part, attempt, linkOf } = require('./link')
const { sqliteError } = require('./errors')
const { optionalFunction, requiredNumber } = require('./arguments')

const PAGES = 100 // that are copied before others have their turn

const fixed = value => ({ value, writable: false, enumerable: false, configurable: false })

// What is finished when a backup is collected that was not.
class Life {
  other = null
  isCounted = false

  constructor (link) { this.link = link }

  end () {
    this.other?.close(undefined)
    this.other = null
    if (!this.isCounted) return
    this.isCounted = false
    this.link.unfinalized--
    this.link.proceed()
  }
}

const collected = new FinalizationRegistry(life => life.end())

class Backup {
  #link
  #life
  #isReady = false
  #isBusy = false
  #isFinished = false
  #completed = false
  #failed = false
  #failure = null // after which no step is tried
  #copied = 0
  #remaining = -1
  #pageCount = -1
  #retryErrors = []
  #calls = []

  constructor (database, filename, sourceName, destName, filenameIsDest, callback) {
    const link = linkOf(database)
    if (link === undefined) throw new TypeError('Database object expected')
    if (typeof filename !== 'string') throw new TypeError('Filename expected')
    if (typeof sourceName !== 'string') throw new TypeError('Source database name expected')
    if (typeof destName !== 'string') throw new TypeError('Destination database name expected')
    if (typeof filenameIsDest !== 'boolean') throw new TypeError('Direction flag expected')
    if (callback !== undefined && typeof callback !== 'function') throw new TypeError('Callback expected')
    Object.defineProperties(this, {
      filename: fixed(filename),
      sourceName: fixed(sourceName),
      destName: fixed(destName),
      filenameIsDest: fixed(filenameIsDest)
    })
    this.#link = link
    this.#life = new Life(link)
    collected.register(this, this.#life, this.#life)
    link.schedule(link.plain, () => this.#open(callback), error => {
      this.#isFinished = this.#failed = true
      callback?.call(this, error)
      return callback !== undefined
    })
  }

  get idle () { return this.#isReady && !this.#isBusy && !this.#calls.length }
  get completed () { return this.#completed }
  get failed () { return this.#failed }
  get remaining () { return this.#remaining }
  get pageCount () { return this.#pageCount }
  get retryErrors () { return this.#retryErrors }

  set retryErrors (codes) {
    if (!Array.isArray(codes)) throw new Error('retryErrors must be an array')
    this.#retryErrors = codes
  }

  // step(pages, [callback(error, isCompleted)]): copies so many pages, -1 for all.
  step (pages, callback) {
    pages = requiredNumber(pages, 0)
    const retryErrors = new Set(this.#retryErrors)
    return this.#enter(optionalFunction(callback, 1), callback => this.#step(pages, retryErrors, callback))
  }

  finish (callback) {
    return this.#enter(optionalFunction(callback, 0), callback => this.#link.mark(() => this.#end(() => {
      this.#finish()
      callback?.call(this)
    })))
  }

  // ---- One after another ----

  #open (callback) {
    this.#isBusy = true
    this.#link.pending++
    const mode = constants.OPEN_READWRITE | constants.OPEN_CREATE
    const target = { filename: this.filename, emit: () => {} }
    this.#life.other = new Link(target, this.filename, mode, error => this.#end(() => {
      if (error) {
        this.#life.other = null
        this.#calls = []
        this.#finish()
        return this.#tell(callback, error)
      }
      this.#isReady = true
      this.#life.isCounted = true
      this.#link.unfinalized++
      callback?.call(this, null)
    }))
  }

  #enter (callback, begin) {
    this.#calls.push({ callback, begin })
    if (this.#isFinished) this.#refuseAll()
    else this.#proceed()
    return this
  }

  #proceed () {
    if (!this.#isReady || this.#isBusy || !this.#calls.length) return
    const { callback, begin } = this.#calls.shift()
    this.#isBusy = true
    this.#link.pending++
    begin(callback)
  }

  #end (tell) {
    attempt(tell)
    this.#isBusy = false
    this.#link.pending--
    if (this.#isFinished) attempt(() => this.#refuseAll())
    else this.#proceed()
    this.#link.proceed()
  }

  #tell (callback, error) {
    if (callback) callback.call(this, error)
    else this.emit('error', error)
  }

  // ---- Copying ----

  get #source () { return this.filenameIsDest ? this.#link : this.#life.other }
  get #target () { return this.filenameIsDest ? this.#life.other : this.#link }

  #step (pages, retryErrors, callback) {
    if (this.#failure || this.#completed) {
      return this.#link.mark(() => this.#stepped(this.#failure, retryErrors, callback))
    }
    const schema = this.sourceName.replaceAll('"', '""')
    const done = error => this.#stepped(error, retryErrors, callback)
    new Part(this.#source, kind.FETCH, writeSql, `PRAGMA "${schema}".page_count`, (error, event) => {
      if (error) return done(error)
      const pageCount = event.block.objects()[0]?.page_count ?? 0
      const copied = this.#copied + pages
      if (pages < 0 || copied >= pageCount) return this.#copy(pageCount, done)
      this.#copied = copied
      this.#count(pageCount - copied, pageCount)
      done(null)
    }).send()
  }

  #copy (pageCount, done) {
    const values = [this.#target.account.handle, PAGES, 0, this.sourceName, this.destName]
    new Part(this.#source, kind.BACKUP, writeArguments, values, error => {
      this.#completed = error === null
      if (this.#completed) this.#count(0, pageCount)
      else if (this.#remaining < 0) this.#count(0, 0)
      done(error)
    }).send()
  }

  #count (remaining, pageCount) {
    this.#remaining = remaining
    this.#pageCount = pageCount
  }

  #stepped (error, retryErrors, callback) {
    this.#end(() => {
      if (error === null) return callback?.call(this, null, this.#completed)
      if (retryErrors.size && !retryErrors.has(error.errno)) {
        this.#failed = true
        this.#failure = error
        this.#life.end()
      }
      this.#tell(callback, error)
    })
  }

  // ---- The end ----

  #finish () {
    this.#isFinished = true
    if (!this.#completed) this.#failed = true
    collected.unregister(this.#life)
    this.#life.end()
  }

  #refuseAll () {
    const calls = this.#calls
    if (!calls.length) return
    this.#calls = []
    if (!this.#isReady) return
    const error = sqliteError(constants.MISUSE, 'Backup is already finished')
    let isHeard = false
    for (const { callback } of calls) {
      isHeard ||= callback !== undefined
      attempt(() => callback?.call(this, error))
    }
    if (!isHeard) this.emit('error', error)
  }
}

Object.setPrototypeOf(Backup.prototype, EventEmitter.prototype)

module.exports = { Backup }
