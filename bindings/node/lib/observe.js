'use strict'
// What happens on a connection, told to listeners. Nothing is observed for which there is no listener.

const { EventEmitter } = require('node:events')
const client = require('./client')
const { kind, observe } = require('./layout')
const { writeArguments } = require('./request')

const WHAT = {
  change: observe.CHANGES,
  commit: observe.COMMITS,
  rollback: observe.ROLLBACKS,
  wal: observe.WAL,
  trace: observe.TRACE,
  profile: observe.PROFILE
}

function toChange ([operation, schema, table, oldRowid, rowid, ...values], withValues) {
  const change = { operation, schema, table, oldRowid, rowid }
  if (!withValues) return change
  const half = values.length / 2
  change.old = operation === 'insert' ? null : values.slice(0, half)
  change.new = operation === 'delete' ? null : values.slice(half)
  return change
}

const READ = {
  change: toChange,
  commit: () => undefined,
  rollback: () => undefined,
  wal: ([, schema, pages]) => ({ schema, pages }),
  trace: ([, request, sql]) => ({ request, sql }),
  profile: ([, request, sql, nanoseconds, vmSteps, fullscanSteps, sorts]) =>
    ({ request, sql, nanoseconds, vmSteps, fullscanSteps, sorts })
}

// Observes one kind of event, from the first listener to the last. Neither keeps the loop alive, nor the listeners,
// and so their connection, from being collected.
class Observation extends client.Task {
  #observer
  #name

  constructor (observer, account, name) {
    super(account, false)
    this.#observer = new WeakRef(observer)
    this.#name = name
    this.integers = observer.integers
  }

  onEvent (event) {
    if (event.isFinal || this.isCancelled) return
    const observer = this.#observer.deref()
    for (const row of event.block.arrays()) observer?.tell(this.#name, READ[this.#name](row, observer.withValues))
  }

  onRefused () {}
}

class Observer {
  #emitter = new EventEmitter()
  #observations = new Map()

  constructor (account, { integers, withValues }) {
    this.integers = integers
    this.withValues = withValues
    this.#emitter.on('newListener', name => this.#begin(name, account))
    this.#emitter.on('removeListener', name => this.#end(name))
  }

  on (name, listener) { this.#emitter.on(readName(name), listener) }
  once (name, listener) { this.#emitter.once(readName(name), listener) }
  off (name, listener) { this.#emitter.off(readName(name), listener) }

  // Requests that are out for it.
  get count () { return this.#observations.size }

  // A listener that throws does not keep others from hearing.
  tell (name, value) { client.guard(this.#emitter, 'emit', name, value) }

  #begin (name, account) {
    if (!(name in WHAT) || this.#observations.has(name)) return
    if (!account.isOpen) return
    const task = new Observation(this, account, name)
    const what = name === 'change' && this.withValues ? observe.VALUES : WHAT[name]
    client.submit(task, kind.OBSERVE, account.handle, 0, writeArguments, [what])
    this.#observations.set(name, task)
  }

  #end (name) {
    if (this.#emitter.listenerCount(name)) return
    this.#observations.get(name)?.cancel()
    this.#observations.delete(name)
  }
}

function readName (name) {
  if (Object.hasOwn(WHAT, name) || name === 'writable') return name
  throw new TypeError(`events: ${Object.keys(WHAT).join(', ')} and writable`)
}

module.exports = { Observer }
