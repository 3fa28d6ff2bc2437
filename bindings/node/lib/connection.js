'use strict'
// A connection: one database, one thread of its own.

const native = require('./native')
const client = require('./client')
const { asyncDispose } = require('./dispose')
const { nameOf } = require('./encode')
const { SideliteError, errorOfEvent, status } = require('./errors')
const { kind, eventFlag, close, cancel } = require('./layout')
const { Lane } = require('./lane')
const { Observer } = require('./observe')
const { checkNames, configOf, habitsOf } = require('./options')
const { Request, failure, writeArguments } = require('./request')
const { transaction } = require('./transaction')
const functions = require('./functions')

// ---- Opening and closing ----

// Told of OPENED, and later of WRITABLE.
class Opening extends client.Task {
  observer = null // a WeakRef, once it is open
  promise = new Promise(resolve => { this.resolve = resolve })

  onEvent (event) {
    client.hold(this, false)
    if (event.flags & eventFlag.WRITABLE) return this.observer?.deref()?.tell('writable')
    this.resolve(event.code ? failure(errorOfEvent(event), true) : undefined)
  }
}

class Closing extends client.Task {
  promise = new Promise(resolve => { this.resolve = resolve })

  onEvent () {
    for (const task of this.account.lasting) this.account.retire(task)
    this.resolve()
  }
}

function closeAccount (account, mode, keepsAlive = true) {
  const task = new Closing(account, keepsAlive)
  client.flush()
  account.isOpen = false
  native.close(account.handle, mode, client.register(task))
  client.settle()
  return task.promise
}

// Opens a database. `path`: of its file, ':memory:', or '' for a temporary one.
async function open (path, options = {}) {
  if (typeof path !== 'string') throw new TypeError(`the path is a string, not ${nameOf(path)}`)
  if (path.includes('\0') || !path.isWellFormed()) throw new TypeError('the path has a NUL or a lone surrogate in it')
  checkNames(options)
  const habits = habitsOf(options)
  const account = new client.Account()
  const opening = account.opening = new Opening(account)
  account.handle = native.open(path, configOf(options), account.keep(opening))
  if (account.handle < 0) account.retire(opening)
  client.settle()
  if (account.handle < 0) throw new SideliteError(account.handle)
  try {
    await opening.promise
  } catch (error) {
    await closeAccount(account, close.CANCEL)
    throw error
  }
  const connection = new Connection(path, account, habits)
  opening.observer = new WeakRef(connection.observer)
  return connection
}

// One that nobody has any more is closed. Nobody hears of it, and it does not keep the loop alive.
const collected = new FinalizationRegistry(account => {
  if (account.isOpen) closeAccount(account, close.CANCEL, false)
})

// ---- Copies ----

// Ends with nothing, and tells of its progress on the way.
class Copy extends Request {
  constructor (lane, options, progress) {
    super(lane, options, () => undefined)
    if (progress !== undefined && typeof progress !== 'function') throw new TypeError('progress: a function')
    this.progress = progress
    this.thrown = null
  }

  onProgress ({ block }) {
    if (!this.progress || this.thrown) return
    const [remaining, total] = block.arrays()[0]
    try {
      this.progress({ remaining, total })
    } catch (error) {
      this.thrown = { error }
      this.isForeign = true
      this.cancel()
    }
  }

  fail (error) {
    super.fail(this.thrown ? this.thrown.error : error)
  }
}

// ---- The connection ----

class Connection extends Lane {
  functions = new Map() // those in force, by name
  methods = new WeakMap() // of each of them
  thrown = new functions.Thrown()
  #path
  #closed = null

  constructor (path, account, habits) {
    super(null, 0, habits)
    this.connection = this
    this.account = account
    this.observer = new Observer(account, habits)
    this.#path = path
    collected.register(this, account)
  }

  get handle () { return this.account.handle }
  get path () { return this.#path }
  get isOpen () { return this.account.isOpen }

  check () {
    if (!this.account.isOpen) throw new SideliteError(status.CLOSED, 'the connection is closed', { notRun: true })
  }

  transaction (body, options) { return transaction(this, body, options) }

  // ---- Functions of SQL ----

  async function (name, ...rest) {
    const [options, fn] = typeof rest[0] === 'function' ? [{}, rest[0]] : rest
    await functions.scalar(this, name, options ?? {}, fn)
  }

  async aggregate (name, options) { await functions.aggregate(this, name, options ?? {}) }
  async collation (name, compare) { await functions.collation(this, name, compare) }
  async removeFunction (name) { return await functions.remove(this, name, false) }
  async removeCollation (name) { return await functions.remove(this, name, true) }

  // ---- Copies ----

  async backup (to, { pages, sleep, progress, schema, toSchema, ...options } = {}) {
    const target = to instanceof Connection ? to.handle : to
    if (to instanceof Connection) to.check()
    else if (typeof to !== 'string') throw new TypeError(`backup: to a path or a Connection, not ${nameOf(to)}`)
    await this.#copy(kind.BACKUP, [target, pages, sleep, schema, toSchema], progress, options)
  }

  async restore (from, { pages, progress, schema, ...options } = {}) {
    if (typeof from !== 'string') throw new TypeError(`restore: from a path, not ${nameOf(from)}`)
    await this.#copy(kind.RESTORE, [from, pages, schema], progress, options)
  }

  async #copy (requestKind, values, progress, options) {
    const task = new Copy(this, options, progress)
    task.submit(requestKind, writeArguments, values)
    await task.promise
  }

  // ---- Events ----

  on (name, listener) { this.observer.on(name, listener); return this }
  once (name, listener) { this.observer.once(name, listener); return this }
  off (name, listener) { this.observer.off(name, listener); return this }

  // ---- Life ----

  // Ends what is running now with SQLITE_INTERRUPT; what waits goes on.
  interrupt () {
    this.check()
    native.cancel(this.handle, cancel.RUNNING)
  }

  statistics () {
    this.check()
    return native.statistics(this.handle)
  }

  // Finishes what was submitted, or cancels it. A second call is done when the first is, and may hurry it.
  async close ({ cancel: isCancel = false } = {}) {
    if (this.#closed && isCancel) native.cancel(this.handle, cancel.ALL)
    this.#closed ??= closeAccount(this.account, isCancel ? close.CANCEL : close.DRAIN)
    await this.#closed
  }

  async [asyncDispose] () { await this.close() }

  // Whether work that is out keeps the process alive, as it does by default.
  ref () { this.account.reference(true); return this }
  unref () { this.account.reference(false); return this }
}

module.exports = { open, Connection }
