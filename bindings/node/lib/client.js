'use strict'
// The way of requests and events of one environment: what a turn has gathered goes out in one call, and all that a
// wake has to tell comes in with one.

const native = require('./native')
const layout = require('./layout')
const { Payload, Records } = require('./encode')
const { Memory, Block } = require('./decode')
const { request, event: eventLayout, eventFlag, status } = layout

const DRAIN_BYTES = 1 << 20
const FLUSH_RECORDS = 512
const FLUSH_BYTES = 1 << 20
const NOT_SENT = -1
const LOOKS_MAX = 16 // before the loop is woken once more

const records = new Records()
const payload = new Payload()
const memory = new Memory(new ArrayBuffer(DRAIN_BYTES))
const apart = []
const settled = Promise.resolve()

// Who is told of an event, by key; a key is free again after the last final event.
const tasks = [null]
const free = []
let gathered = [] // tasks of the records that wait, in order
let isScheduled = false
let isWriting = false
let out = 0 // tasks that keep the loop alive
let isAlive = false // as native code was told
let looks = 0 // since the loop was woken

// ---- Tasks ----

// What is out for one connection, and whether that keeps the loop alive.
class Account {
  handle = 0
  opening = null // the task that is told of OPENED and WRITABLE
  isOpen = true
  out = 0
  isReferenced = true
  lasting = new Set() // tasks that are told of things until the connection is closed

  // Registers a task that has more than one final event, or none.
  keep (task) {
    task.finals = Infinity
    this.lasting.add(task)
    return register(task)
  }

  retire (task) {
    if (this.lasting.delete(task)) unregister(task)
  }

  reference (isReferenced) {
    if (isReferenced === this.isReferenced) return
    this.isReferenced = isReferenced
    out += isReferenced ? this.out : -this.out
    settle()
  }
}

// What can be told of. A subclass has onEvent(event), and onRefused(status) for what was not taken, or was withdrawn.
class Task {
  key = 0
  id = 0 // of the request; 0 until it is submitted
  record = NOT_SENT // its number, while it waits to be sent
  finals = 1 // final events to come; Infinity: until it is retired
  timeout = 0
  isHolding = false
  isCancelled = false
  hasEnded = false
  integers = 'number'

  constructor (account, keepsAlive = true) {
    this.account = account
    this.keepsAlive = keepsAlive
  }

  // Cancels this request and no other. One that was not sent yet never is; of one that has not begun this tells at
  // once, with `code`, and not in its turn, which may come late.
  cancel (code = status.CANCELLED) {
    if (this.isCancelled || this.hasEnded) return
    this.isCancelled = true
    if (this.id > 0) native.withdraw(this.account.handle, this.id) === 1 && withdraw(this, code)
    else if (this.record !== NOT_SENT) records.setUint32(this.record, request.kind, 0)
  }
}

// Has the events of a task that was withdrawn: they are for the books alone.
class Nobody {
  isHolding = false

  constructor ({ key, finals, account }) {
    this.key = key
    this.finals = finals
    this.account = account
  }

  onEvent () {}
}

function withdraw (task, code) {
  tasks[task.key] = new Nobody(task)
  hold(task, false)
  settle()
  task.hasEnded = true
  guard(task, 'onRefused', code)
}

// Whether a task that is out keeps the loop alive.
function hold (task, isHolding) {
  if (task.isHolding === isHolding) return
  task.isHolding = isHolding
  const { account } = task
  const change = isHolding ? 1 : -1
  account.out += change
  if (account.isReferenced) out += change
}

function register (task) {
  const key = free.length ? free.pop() : tasks.length
  tasks[key] = task
  task.key = key
  if (task.keepsAlive) hold(task, true)
  return key
}

function unregister (task) {
  tasks[task.key] = null
  free.push(task.key)
  hold(task, false)
  task.hasEnded = true
}

function settle () {
  const isWanted = out > 0
  if (isWanted !== isAlive) native.keepAlive(isAlive = isWanted)
}

// Calls what may throw. Nobody else loses an event for it: the error is an uncaught exception of a turn of its own.
function guard (object, method, a, b) {
  try {
    object[method](a, b)
  } catch (error) {
    queueMicrotask(() => { throw error })
  }
}

// ---- Requests ----

// Adds a request of this turn. `fill(record, records, payload, a, b)` writes it, or throws: then nothing is sent.
function submit (task, kind, conn, lane, fill, a, b) {
  checkWriting()
  const { used } = payload
  const record = records.add()
  isWriting = true
  try {
    records.setUint32(record, request.kind, kind)
    records.setDouble(record, request.conn, conn)
    records.setDouble(record, request.lane, lane)
    records.setUint32(record, request.timeout, task.timeout)
    fill(record, records, payload, a, b)
  } catch (error) {
    records.count = record
    payload.truncate(used)
    throw error
  } finally {
    isWriting = false
  }
  task.record = record
  const key = register(task)
  gathered.push(task)
  // What `fill` added beside its own are requests of the same task.
  for (let i = record; i < records.count; i++) records.setUint32(i, request.key, key)
  while (gathered.length < records.count) gathered.push(null)
  if (records.count >= FLUSH_RECORDS || payload.used >= FLUSH_BYTES) flush()
  else if (!isScheduled) schedule()
}

// A getter among the values could send what is half written.
function checkWriting () {
  if (isWriting) throw new Error('a getter of a value that is being bound may not use a connection')
}

// A reaction of a promise costs less than queueMicrotask, which makes a resource for each call. `send` does not throw.
function schedule () {
  isScheduled = true
  settled.then(send)
}

// Sends what a turn has gathered. To be woken costs several times what a point read does, and so what a lone request ends
// with is looked for at once: the loop stands still no longer than it would for a call that blocks. It gets its turn
// after some of them.
function send () {
  sendGathered()
  if (out === 1 && looks < LOOKS_MAX) {
    looks++
    receive(true)
  }
  settle()
}

// Sends what was gathered before anything that must not overtake it, as a close.
function flush () {
  sendGathered()
  settle()
}

function sendGathered () {
  checkWriting()
  isScheduled = false
  const count = records.count
  if (!count) return
  const sent = gathered
  const taken = native.submit(records.buffer, count, payload.buffer)
  for (let i = 0; i < count; i++) {
    if (sent[i] === null) continue
    sent[i].id = records.id(i)
    sent[i].record = NOT_SENT
  }
  // Before anybody is told: who is may submit.
  gathered = []
  records.clear()
  payload.clear()
  if (taken < count) refuse(sent)
}

function refuse (sent) {
  for (const task of sent) {
    if (task === null || task.id > 0) continue
    unregister(task)
    // WRITABLE follows, which somebody may be waiting for.
    if (task.id === status.FULL && task.account.opening) hold(task.account.opening, true)
    guard(task, 'onRefused', task.id)
  }
}

// ---- Events ----

// A view of one event, used again for the next.
class Event {
  #at = 0
  code = 0
  flags = 0
  id = 0
  block = null

  read (at, integers) {
    this.#at = at
    this.code = memory.i32[(at + eventLayout.code) >> 2]
    this.flags = memory.u32[(at + eventLayout.flags) >> 2]
    this.id = memory.f64[(at + eventLayout.id) >> 3]
    const bytes = memory.u32[(at + eventLayout.bytes) >> 2]
    const isAscii = memory.u32[(at + eventLayout.isAscii) >> 2] !== 0
    const number = memory.u32[(at + eventLayout.apart) >> 2]
    if (number) this.block = new Block(new Memory(apart[number - 1]), 0, isAscii, integers)
    else this.block = bytes ? new Block(memory, at + eventLayout.size, isAscii, integers) : null
    return at + eventLayout.size + (number ? 0 : (bytes + 7) & ~7)
  }

  get isFinal () { return (this.flags & eventFlag.MORE) === 0 }
  get changes () { return this.#integer(eventLayout.changes) }
  get lastInsertRowid () { return memory.i64[(this.#at + eventLayout.lastInsertRowid) >> 3] }

  // A rowid as the caller reads integers; as a BigInt, too, where no number holds it.
  rowid (integers) {
    if (integers === 'bigint') return this.lastInsertRowid
    const number = this.#integer(eventLayout.lastInsertRowid)
    return Number.isSafeInteger(number) ? number : this.lastInsertRowid
  }

  #integer (field) {
    const at = (this.#at + field) >> 2
    return memory.i32[at + 1] * 4294967296 + memory.u32[at]
  }
}

const event = new Event()

function onWake () {
  looks = 0
  receive(false)
  settle()
}

// Takes the events that are there. Who throws does not keep the others from hearing.
function receive (isLooking) {
  const n = native.drain(memory.buffer, apart, isLooking)
  for (let i = 0, at = 0; i < n; i++) {
    const task = tasks[memory.u32[(at + eventLayout.key) >> 2]]
    at = event.read(at, task.integers)
    if (event.isFinal && --task.finals === 0) unregister(task)
    guard(task, 'onEvent', event)
  }
  if (apart.length) apart.length = 0
  event.block = null
}

native.init(onWake)

module.exports = { Account, Task, submit, flush, register, unregister, hold, settle, guard }
