'use strict'
// The workloads, the same for all peers, on the same data; each looks at what it got, so that nobody is fast by not
// doing the work.

const assert = require('node:assert')
const { rmSync } = require('node:fs')

const SCHEMA = 'CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, score REAL, payload BLOB)'
const INSERT = 'INSERT INTO t VALUES (?,?,?,?)'
const READ = 'SELECT name FROM t WHERE id = ?'
const READ_ALL = 'SELECT id, name, score, payload FROM t'

// ---- The data: row `i`, from 0 ----

const TEXT = 'Ada Lovelace, Mary Somerville, Sofia Kovalevskaya, Emmy Noether, Maryam Mirzakhani, Grace Hopper, ' +
  'Hypatia, Sophie Germain, Caroline Herschel and Emilie du Chatelet'
const NAMES = Array.from({ length: 101 }, (_, i) => TEXT.slice(i, i + 20))
const PAYLOADS = Array.from({ length: 89 }, (_, i) => Buffer.from(TEXT.slice(i, i + 32)))

const row = i => [i + 1, NAMES[i % 101], i * 0.5, PAYLOADS[i % 89]]

// The same rows, made by SQL.
const FILL = `WITH RECURSIVE given(rows, text) AS (VALUES (?, ?)),
  n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n, given WHERE i + 1 < rows)
  INSERT INTO t SELECT i + 1, substr(text, 1 + i % 101, 20), i * 0.5, CAST(substr(text, 1 + i % 89, 32) AS BLOB)
  FROM n, given`

// The id that read `i` looks up: all over the table.
const idOf = (i, rows) => 1 + i * 2654435761 % rows

// ---- What is looked at ----

// What was seen of rows.
class Sum {
  rows = 0
  total = 0

  add ({ id, name, score, payload }) {
    this.rows++
    this.total += id + name.length + name.charCodeAt(0) + score + payload.length + payload[0]
  }

  addName ({ name }) {
    this.rows++
    this.total += name.length + name.charCodeAt(0)
  }
}

// The same, of what a table holds.
const READ_SUM = `SELECT count(*) AS rows, total(id + length(name) + unicode(name) + score + length(payload) +
  unicode(CAST(payload AS TEXT))) AS total FROM t`

function expectedRows (n) {
  const sum = new Sum()
  for (let i = 0; i < n; i++) {
    const [id, name, score, payload] = row(i)
    sum.add({ id, name, score, payload })
  }
  return sum
}

function expectedReads (n, rows) {
  const sum = new Sum()
  for (let i = 0; i < n; i++) sum.addName({ name: NAMES[(idOf(i, rows) - 1) % 101] })
  return sum
}

// ---- How it is run ----

// `n` operations, so many in flight; one after the other where the peer blocks.
function each (peer, n, inFlight, operation, take = () => {}) {
  if (peer.blocks) {
    for (let i = 0; i < n; i++) take(operation(i))
    return
  }
  let i = 0
  const lane = async () => { while (i < n) take(await operation(i++)) }
  return Promise.all(Array.from({ length: inFlight }, lane))
}

// Microseconds of one of `n` operations.
async function time (n, work) {
  globalThis.gc()
  const began = performance.now()
  await work()
  return (performance.now() - began) * 1000 / n
}

// Begins to watch the loop; the function that it returns gives the longest time between two beats of a timer that is
// due each millisecond, in milliseconds.
function watchLoop () {
  let last = performance.now()
  let longest = 0
  const beat = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(beat, 1)
  return () => {
    beat()
    clearInterval(timer)
    return longest
  }
}

async function openDatabase (peer, path) {
  const db = await peer.open(path)
  await db.run('PRAGMA cache_size = -2000')
  if (path !== ':memory:') await db.run('PRAGMA journal_mode = WAL')
  await db.run('PRAGMA synchronous = NORMAL')
  return db
}

const remove = path => ['', '-wal', '-shm'].forEach(end => rmSync(path + end, { force: true }))

// A fresh database to write to, which then has `n` rows.
async function write ({ peer, path }, n, work) {
  if (path !== ':memory:') remove(path)
  const db = await openDatabase(peer, path)
  await db.run(SCHEMA)
  const us = await time(n, () => work(db))
  const [found] = await db.all(READ_SUM)
  assert.deepStrictEqual(Object.assign(new Sum(), found), expectedRows(n))
  await db.close()
  return { us }
}

async function fill (db, rows) {
  await db.run(SCHEMA)
  await db.run(FILL, [rows, TEXT])
}

async function read ({ peer, rows }, dbs, n, inFlight) {
  const sums = dbs.map(() => new Sum())
  const us = await time(n * dbs.length, () => Promise.all(dbs.map((db, i) => {
    const get = db.reader(READ)
    return each(peer, n, inFlight, j => get(idOf(j, rows)), row => sums[i].addName(row))
  })))
  for (const sum of sums) assert.deepStrictEqual(sum, expectedReads(n, rows))
  return { us }
}

// `work` adds what it reads to a sum, or gives a function that does, whose time does not count.
async function readAll (n, work) {
  const sum = new Sum()
  let pause, add
  const us = await time(n, async () => {
    const longestPause = watchLoop()
    add = await work(`${READ_ALL} LIMIT ${n}`, sum)
    pause = longestPause()
  })
  add?.()
  assert.deepStrictEqual(sum, expectedRows(n))
  return { us, pause }
}

// ---- The workloads ----

// `setting`: the peer, the path of what is written, and `db`, whose table of so many `rows` is read.
const workloads = {
  W1: (setting, n) => write(setting, n, db => db.insertAll(INSERT, n, row)),

  W2: (setting, n) => write(setting, n, db => {
    return db.insertEach(INSERT, insert => each(setting.peer, n, 64, i => insert(row(i))))
  }),

  W3: (setting, n) => read(setting, [setting.db], n, 1),

  W4: (setting, n) => read(setting, [setting.db], n, 64),

  W5: ({ db }, n) => readAll(n, async (sql, sum) => {
    const rows = await db.all(sql)
    return () => rows.forEach(row => sum.add(row))
  }),

  // The same, row by row.
  W5r: ({ db }, n) => readAll(n, (sql, sum) => db.forEach(sql, row => sum.add(row))),

  W6: (setting, n) => write(setting, n, db => {
    const insert = db.inserter(INSERT)
    return each(setting.peer, n, 1, i => insert(row(i)))
  }),

  async W7 (setting, n) {
    const dbs = []
    for (let i = 0; i < 4; i++) dbs.push(await openDatabase(setting.peer, setting.readPath))
    const result = await read(setting, dbs, n, 16)
    for (const db of dbs) await db.close()
    return result
  }
}

const COUNTS = { W1: 1000000, W2: 100000, W3: 20000, W4: 100000, W5: 1000000, W5r: 1000000, W6: 5000, W7: 25000 }

// Of the short ones the best of some tries counts.
const TRIES = { W2: 3, W3: 3, W4: 3, W6: 3, W7: 3 }

module.exports = { COUNTS, TRIES, fill, openDatabase, workloads }
