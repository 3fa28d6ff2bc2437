'use strict'
// The connection behind a Database: what is out on it, and whose turn it is.
//
// node-sqlite3 gives each call to a pool of threads, and waits for the one before where order matters. A connection of
// sidelite keeps the order of what it is sent, so that calls need not wait for each other here, with few exceptions:
//
//   ALONE   what needs all else to be done: close, wait
//   APART   what cannot run while a SELECT is open on the same connection: DROP TABLE, VACUUM, exec, ...
//   SERIAL  what was called within serialize(): it does not overtake rows that are still being fetched
//   PLAIN   all others

const native = require('../native')
const client = require('../client')
const { kind, eventFlag, openFlag, observe, cancel, close } = require('../layout')
const { writeArguments, writeSql } = require('../request')
const constants = require('./constants')
const { sqliteError, errorOfEvent, closedError } = require('./errors')

const PLAIN = 0
const SERIAL = 1
const APART = 2
const ALONE = 3

const UNBOUNDED = 2 ** 32 - 1
const MISUSE = -104
const MISUSE_TEXT = 'bad parameter or other API misuse' // what SQLite says of modes that cannot be
const BUSY_TIMEOUT = 1000 // milliseconds, as node-sqlite3 sets it

// Calls what may throw; others go on.
function attempt (body) {
  try {
    body()
  } catch (error) {
    queueMicrotask(() => { throw error })
  }
}

// ---- Tasks ----

// One request of a Database or of something that belongs to it. A subclass has `kind`, `write` and
// `succeed(event)` or `fail(error)`, one of which is called at the end.
class Call extends client.Task {
  constructor (link) {
    super(link.account)
    this.link = link
    this.integers = 'rounded'
  }

  send () {
    const { link } = this
    client.submit(this, this.kind, link.account.handle, 0, this.write, this)
    link.pending++
  }

  // Callbacks may throw. That is an uncaught exception of its own, and nobody's loss.
  onEvent (event) {
    const { isFinal } = event
    if (event.code) client.guard(this, 'fail', this.link.failure ?? errorOfEvent(event))
    else if (isFinal) client.guard(this, 'succeed', event)
    if (isFinal) this.#end()
  }

  onRefused (status) {
    client.guard(this, 'fail', sqliteError(status))
    this.#end()
  }

  #end () {
    this.link.pending--
    this.atEnd()
    this.link.proceed()
  }

  atEnd () {}
}

// Comes to its end when all that was sent before it has, and does nothing else.
class Marker extends Call {
  kind = kind.LIMIT
  write (record, records, payload) { writeArguments(record, records, payload, [0]) }

  constructor (link, done) {
    super(link)
    this.done = done
  }

  succeed () { this.done() }
  fail () { this.done() }
}

// A request whose end is told as (error, event).
class Part extends Call {
  constructor (link, requestKind, fill, argument, done) {
    super(link)
    this.kind = requestKind
    this.write = (record, records, payload) => fill(record, records, payload, argument)
    this.done = done
  }

  succeed (event) { this.done(null, event) }
  fail (error) { this.done(error) }
}

// A request with a callback that is called as the database's method.
class DatabaseCall extends Call {
  constructor (link, callback, requestKind, fill, argument) {
    super(link)
    this.callback = callback
    this.kind = requestKind
    this.write = (record, records, payload) => fill(record, records, payload, argument)
  }

  succeed () { this.callback?.call(this.link.database, null) }
  fail (error) { this.link.tell(this.callback, error) }
}

// Hears of what happens on the connection until it is cancelled, or the connection closes.
class Observer extends client.Task {
  constructor (link, what, tell) {
    super(link.account, false)
    this.integers = 'rounded'
    this.what = what
    this.tell = tell
  }

  onEvent (event) {
    if (event.isFinal || this.isCancelled) return
    for (const row of event.block.objects()) client.guard(this, 'tell', row)
  }

  onRefused () {}
}

class Opening extends client.Task {
  constructor (link) {
    super(link.account)
    this.link = link
  }

  onEvent (event) {
    if (!(event.flags & eventFlag.OPENED)) return
    if (event.code) this.link.failed(openingError(event, this.link.database.filename))
    else this.link.opened()
  }
}

class Closing extends client.Task {
  constructor (account, done) {
    super(account)
    this.done = done
  }

  onEvent (event) { this.done(event) }
}

// In SQLite's own words, which do not tell the name.
function openingError (event, filename) {
  const error = errorOfEvent(event)
  error.message = error.message.replace(`: ${filename}`, '')
  return error
}

// A Database that nobody holds any more is closed.
const collected = new FinalizationRegistry(account => {
  if (account.handle) closeNow(account, () => {})
})

function closeNow (account, done) {
  client.flush()
  native.close(account.handle, close.CANCEL, client.register(new Closing(account, done)))
  account.handle = 0
}

// ---- Opening ----

function flagsOf (mode) {
  // Libraries can be loaded by loadExtension alone, as there.
  let flags = openFlag.EXTENSIONS
  if (mode & constants.OPEN_READONLY) flags |= openFlag.READONLY
  else if (!(mode & constants.OPEN_CREATE)) flags |= openFlag.NO_CREATE
  if (mode & constants.OPEN_URI) flags |= openFlag.URI
  if (mode & constants.OPEN_SHAREDCACHE) flags |= openFlag.SHARED_CACHE
  if (mode & 0x80) flags |= openFlag.MEMORY
  if (mode & 0x01000000) flags |= openFlag.NOFOLLOW
  return flags
}

function isMode (mode) {
  const access = mode & 7
  return access === 1 || access === 2 || access === 6
}

// ---- The link ----

const links = new WeakMap()

// Undefined for what is no Database.
const linkOf = database => links.get(database)

class Link {
  account = new client.Account()
  isOpen = false
  isOver = false // closed, or never opened
  isClosing = false
  isSerial = false
  pending = 0 // requests that are out
  unfinalized = 0 // statements and backups
  streams = 0 // that have rows to come which somebody waits for
  locks = 0 // of those, they that serialize() lets nobody pass
  failure = null // why it was not opened
  leaving = 0 // streams that nobody reads any more, and that have not ended
  #queue = []
  #observers = new Map()

  constructor (database, path, mode, callback) {
    links.set(database, this)
    this.database = database
    this.callback = callback
    const task = new Opening(this)
    const key = client.register(task)
    const handle = isMode(mode)
      ? native.open(path, {
        flags: flagsOf(mode), busyTimeout: BUSY_TIMEOUT, maxRequests: UNBOUNDED, maxBytes: Number.MAX_SAFE_INTEGER
      }, key)
      : MISUSE
    if (handle > 0) {
      this.account.handle = handle
      collected.register(database, this.account)
    } else {
      client.unregister(task)
      setImmediate(() => this.failed(sqliteError(handle, handle === MISUSE ? MISUSE_TEXT : undefined)))
    }
    client.settle()
  }

  opened () {
    const { database, callback } = this
    this.isOpen = true
    this.callback = undefined
    attempt(() => callback?.call(database, null))
    attempt(() => database.emit('open'))
    this.proceed()
  }

  // That is told first. The requests that were sent meanwhile end with the same error.
  failed (error) {
    const { callback } = this
    this.callback = undefined
    this.isOver = true
    this.failure = error
    if (this.account.handle) closeNow(this.account, () => {})
    attempt(() => this.tell(callback, error))
    this.#abandon()
  }

  // An error goes to the callback or, without one, becomes an event.
  tell (callback, error, target = this.database) {
    if (callback) callback.call(target, error)
    // Of a database that could not be opened that was told once; node-sqlite3 says nothing more at all.
    else if (!this.failure || target === this.database) target.emit('error', error)
  }

  // ---- Whose turn it is ----

  admits (turn) {
    if (this.isClosing || this.locks) return false
    if (turn === ALONE) return this.isOpen && this.pending === 0 && this.leaving === 0
    if (turn === APART) return this.streams === 0 && this.leaving === 0
    return turn === PLAIN || this.streams === 0
  }

  // The turn of what is called now and runs beside others.
  get plain () { return this.isSerial ? SERIAL : PLAIN }

  // Whether it need not wait behind others: outside of serialize() a close is no reason to, as long as it has not
  // begun.
  isNext (turn) {
    const queue = this.#queue
    return (queue.length === 0 || (turn === PLAIN && queue[0].turn === ALONE)) && this.admits(turn)
  }

  // Begins something now or when its turn comes; `refuse(error)` is called instead when the connection is over by then,
  // and says whether anybody heard.
  schedule (turn, begin, refuse) {
    if (this.isOver) {
      const error = sqliteError(constants.MISUSE, 'Database is closed')
      if (!refuse(error) && !this.failure) this.database.emit('error', error)
    } else if (this.isNext(turn)) {
      begin()
    } else {
      this.#queue.push({ turn, begin, refuse })
    }
  }

  proceed () {
    const queue = this.#queue
    while (queue.length && this.admits(queue[0].turn)) attempt(queue.shift().begin)
  }

  #abandon () {
    const queue = this.#queue
    if (!queue.length) return
    this.#queue = []
    const error = closedError()
    let isHeard = false
    for (const { refuse } of queue) attempt(() => { isHeard = refuse(error) || isHeard })
    if (!isHeard && !this.failure) attempt(() => this.database.emit('error', error))
  }

  // ---- What it does ----

  // Calls `done` when all that was sent has ended.
  mark (done) { new Marker(this, done).send() }

  // A request on behalf of the database's own methods.
  request (turn, callback, requestKind, fill, argument) {
    const call = new DatabaseCall(this, callback, requestKind, fill, argument)
    this.schedule(turn, () => call.send(), error => this.#refuse(callback, error))
  }

  #refuse (callback, error) {
    callback?.call(this.database, error)
    return callback !== undefined
  }

  exec (sql, callback) { this.request(APART, callback, kind.SCRIPT, writeSql, sql) }

  loadExtension (path, callback) { this.request(APART, callback, kind.LOAD_EXTENSION, writeArguments, [path]) }

  setBusyTimeout (milliseconds) {
    this.request(this.plain, ignore, kind.EXECUTE, writeSql, `PRAGMA busy_timeout = ${Math.max(milliseconds | 0, 0)}`)
  }

  setLimit (id, value) { this.request(this.plain, ignore, kind.LIMIT, writeArguments, [id | 0, value | 0]) }

  wait (callback) {
    this.schedule(ALONE, () => callback?.call(this.database, null), error => this.#refuse(callback, error))
  }

  interrupt () {
    client.flush()
    native.cancel(this.account.handle, cancel.RUNNING)
  }

  observe (name, isOn) {
    if (isOn === this.#observers.has(name)) return
    if (isOn) return this.schedule(this.plain, () => this.#observe(name), () => true)
    const observer = this.#observers.get(name)
    this.#observers.delete(name)
    observer.cancel()
  }

  #observe (name) {
    const { what, tell } = OBSERVED[name]
    const observer = new Observer(this, what, row => tell(this.database, row))
    this.#observers.set(name, observer)
    client.submit(observer, kind.OBSERVE, this.account.handle, 0, writeArguments, [what])
  }

  close (callback) {
    this.schedule(ALONE, () => this.#close(callback), error => this.#refuse(callback, error))
  }

  #close (callback) {
    if (this.unfinalized) {
      const error = sqliteError(constants.BUSY, 'unable to close due to unfinalized statements or unfinished backups')
      return this.mark(() => this.tell(callback, error))
    }
    this.isClosing = true
    closeNow(this.account, event => this.#closed(event, callback))
    client.settle()
  }

  #closed (event, callback) {
    this.isOpen = this.isClosing = false
    this.isOver = true
    attempt(() => callback?.call(this.database, null))
    attempt(() => this.database.emit('close'))
    this.#abandon()
  }
}

const ignore = () => {}

const OBSERVED = {
  trace: { what: observe.TRACE, tell: (database, { sql }) => database.emit('trace', sql) },
  profile: {
    what: observe.PROFILE,
    tell: (database, { sql, nanoseconds }) => database.emit('profile', sql, nanoseconds / 1e6)
  },
  change: {
    what: observe.CHANGES,
    tell: (database, { event, schema, table, rowid, old_rowid: old }) =>
      database.emit('change', event, schema, table, rowid ?? old)
  }
}

module.exports = { Link, Call, Part, attempt, linkOf, APART }
