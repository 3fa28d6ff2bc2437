'use strict'
// Where sidelite/sqlite3 does on purpose what node-sqlite3 does not, or crashes.

const test = require('node:test')
const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const vm = require('node:vm')
const { once } = require('node:events')
const { EventEmitter } = require('node:events')
const sqlite3 = require('../../sqlite3')

function temporaryFile (t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sidelite-sqlite3-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return path.join(folder, 'test.db')
}

async function opened (t, file = ':memory:', ...rest) {
  const db = new sqlite3.Database(file, ...rest)
  await once(db, 'open')
  t.after(() => new Promise(resolve => db.close(resolve)))
  return db
}

// The arguments of the callback behind its error, of which there is none.
const call = (target, method, ...args) => new Promise((resolve, reject) => {
  target[method](...args, function (error, result) { error ? reject(error) : resolve(result) })
})

const counting = last =>
  `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < ${last}) SELECT x FROM c`

test('classes are EventEmitters', () => {
  for (const name of ['Database', 'Statement', 'Backup']) assert.ok(sqlite3[name].prototype instanceof EventEmitter)
})

test('a BigInt is bound as it is, or refused', async t => {
  const db = await opened(t)
  const big = 2n ** 63n - 1n
  const row = await call(db, 'get', 'SELECT ? = 9223372036854775807 AS same, typeof(?1) AS type', big)
  assert.deepEqual(row, { same: 1, type: 'integer' })
  assert.throws(() => db.get('SELECT ?', 2n ** 63n), RangeError)
  assert.throws(() => db.get('SELECT ?', [1, -(2n ** 70n)]), RangeError)
})

test('what is too large is told to its callback', async t => {
  const db = await opened(t)
  const large = Buffer.alloc(2 ** 31)
  const statement = db.prepare('SELECT length(?) AS n')
  for (const method of ['run', 'get', 'all', 'each']) {
    await assert.rejects(call(db, method, 'SELECT length(?) AS n', large), RangeError)
    await assert.rejects(call(statement, method, [large]), RangeError)
  }
  assert.deepEqual(await call(statement, 'get', [Buffer.alloc(3)]), { n: 3 })
  await new Promise(resolve => statement.finalize(resolve))
})

test('a DataView is bound as its bytes', async t => {
  const db = await opened(t)
  const { v } = await call(db, 'get', 'SELECT ? AS v', new DataView(Uint8Array.of(7, 8, 9).buffer, 1))
  assert.deepEqual(v, Buffer.from([8, 9]))
})

test('constructors say what they want', async t => {
  const db = await opened(t)
  const { Statement, Backup } = sqlite3
  for (const [make, message] of [
    [() => new Statement(), 'Database object expected'], [() => new Statement({}, 'x'), 'Database object expected'],
    [() => new Statement(db), 'SQL query expected'], [() => new Statement(db, 5), 'SQL query expected'],
    [() => new Statement(db, 'SELECT 1', 5), 'Callback expected'], [() => db.run(), 'SQL query expected'],
    [() => db.get({}), 'SQL query expected'], [() => db.prepare(), 'SQL query expected'],
    [() => new Backup(), 'Database object expected'], [() => new Backup(db), 'Filename expected'],
    [() => new Backup(db, 'x'), 'Source database name expected'],
    [() => new Backup(db, 'x', 'main'), 'Destination database name expected'],
    [() => new Backup(db, 'x', 'main', 'main'), 'Direction flag expected'],
    [() => new Backup(db, 'x', 'main', 'main', true, 5), 'Callback expected']
  ]) assert.throws(make, { name: 'TypeError', message })
})

test('callbacks hear that the database could not be opened', async t => {
  const db = new sqlite3.Database(path.join(temporaryFile(t), 'no'), () => {})
  const codes = await Promise.all([
    ...['run', 'exec', 'all', 'each'].map(method => call(db, method, 'SELECT 1')), call(db, 'close')
  ].map(promise => promise.then(() => 'none', error => error.code)))
  assert.deepEqual(codes, ['SQLITE_CANTOPEN', 'SQLITE_CANTOPEN', 'SQLITE_CANTOPEN', 'SQLITE_CANTOPEN', 'SQLITE_MISUSE'])
  await assert.rejects(call(db, 'get', 'SELECT 1'), { code: 'SQLITE_MISUSE' })
  // Nobody listens, and nobody is told.
  db.run('SELECT 1')
  db.exec('SELECT 1')
  await new Promise(resolve => setTimeout(resolve, 20))
})

test('that a database could not be opened is told first, and to all in the same words', async t => {
  const heard = []
  const file = path.join(temporaryFile(t), 'no')
  const hear = name => error => heard.push([name, error.message])
  const db = new sqlite3.Database(file, hear('open'))
  await Promise.all(['run', 'get', 'all', 'close'].map(method => new Promise(resolve => {
    const arguments_ = method === 'close' ? [] : ['SELECT 1']
    db[method](...arguments_, error => resolve(hear(method)(error)))
  })))
  const message = 'SQLITE_CANTOPEN: unable to open database file'
  assert.deepEqual(heard[0], ['open', message])
  const others = heard.slice(1).filter(([name]) => name !== 'close')
  assert.deepEqual(others, ['run', 'get', 'all'].map(name => [name, message]))
})

test('a Date and a RegExp of another context are what they are', async t => {
  const db = await opened(t)
  const [date, pattern] = vm.runInNewContext('[new Date(5), /x/g]')
  assert.deepEqual(await call(db, 'get', 'SELECT ? AS a, ? AS b', [date, pattern]), { a: 5, b: '/x/g' })
  assert.deepEqual(await call(db, 'get', 'SELECT ? AS a', date), { a: 5 })
})

test('a file that is no database says so when it is opened', async t => {
  const file = temporaryFile(t)
  fs.writeFileSync(file, 'no database at all, but of some length, so that it is not taken for an empty one'.repeat(20))
  const error = await new Promise(resolve => { new sqlite3.Database(file, resolve) }) // eslint-disable-line no-new
  assert.equal(error.message, 'SQLITE_NOTADB: file is not a database')
})

test('run goes to the end, and tells changes of its own alone', async t => {
  const db = await opened(t)
  await call(db, 'exec', 'CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)')
  const changes = sql => new Promise(resolve => db.run(sql, function () { resolve(this.changes) }))
  assert.equal(await changes('INSERT INTO t VALUES (3), (4) RETURNING a'), 2)
  assert.equal(await changes('SELECT 1'), 0)
  assert.equal(await changes('CREATE TABLE u(a)'), 0)
})

test('each and get have the rows before an error', async t => {
  const db = await opened(t)
  const sql = 'SELECT abs(a) AS x FROM (SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT -9223372036854775808)'
  const heard = []
  await new Promise(resolve => db.each(sql, (error, row) => heard.push(error ? error.message : row.x), (_, n) => {
    heard.push(`complete ${n}`)
    resolve()
  }))
  assert.deepEqual(heard, [1, 2, 'SQLITE_ERROR: integer overflow', 'complete 2'])
  const statement = db.prepare(sql)
  assert.deepEqual(await call(statement, 'get'), { x: 1 })
  assert.deepEqual(await call(statement, 'get'), { x: 2 })
  await assert.rejects(call(statement, 'get'), { code: 'SQLITE_ERROR' })
  assert.deepEqual(await call(statement, 'get'), { x: 1 })
  await new Promise(resolve => statement.finalize(resolve))
})

test('an error far into each comes where it is', async t => {
  const db = await opened(t)
  const sql = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 900) ' +
    'SELECT x, abs(iif(x = 700, -9223372036854775808, x)) FROM c'
  const heard = []
  await new Promise(resolve => db.each(sql, (error, row) => heard.push(error ? 'error' : row.x), resolve))
  assert.deepEqual(heard, [...Array.from({ length: 699 }, (_, i) => i + 1), 'error'])
})

test('get leaves no read transaction behind a short result, and one behind a long', async t => {
  const file = temporaryFile(t)
  const reader = await opened(t, file)
  const writer = await opened(t, file)
  writer.configure('busyTimeout', 0)
  await call(writer, 'exec', 'CREATE TABLE t(a); INSERT INTO t SELECT value FROM json_each(\'[1,2,3,4,5]\')')
  const short = reader.prepare('SELECT a FROM t')
  assert.deepEqual(await call(short, 'get'), { a: 1 })
  // Behind all that was on its way.
  await call(reader, 'run', 'SELECT 1')
  await call(writer, 'run', 'INSERT INTO t VALUES (6)')
  assert.deepEqual(await call(short, 'get'), { a: 2 })
  const long = reader.prepare(`SELECT a FROM t JOIN (${counting(1000)})`)
  assert.deepEqual(await call(long, 'get'), { a: 1 })
  await assert.rejects(call(writer, 'run', 'INSERT INTO t VALUES (7)'), { code: 'SQLITE_BUSY' })
  await new Promise(resolve => long.reset(resolve))
  await call(reader, 'wait')
  await call(writer, 'run', 'INSERT INTO t VALUES (7)')
  await new Promise(resolve => short.finalize(() => long.finalize(resolve)))
})

test('get of one row does not make the others', async t => {
  const db = await opened(t)
  // It would not end.
  const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c'
  assert.deepEqual(await call(db, 'get', endless), { x: 1 })
  const statement = db.prepare(endless)
  for (let i = 1; i <= 50; i++) assert.deepEqual(await call(statement, 'get'), { x: i })
  await new Promise(resolve => statement.finalize(resolve))
})

test('get is not kept waiting by a row that is hard to find, nor are others', async t => {
  const db = await opened(t)
  const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x = ?'
  assert.deepEqual(await call(db, 'get', endless, 1), { x: 1 })
  assert.deepEqual(await call(db, 'get', 'SELECT 2 AS x'), { x: 2 })
  const statement = db.prepare(endless)
  assert.deepEqual(await call(statement, 'get', [3]), { x: 3 })
  assert.deepEqual(await call(statement, 'get', [4]), { x: 4 })
  await new Promise(resolve => statement.finalize(resolve))
  await call(db, 'exec', 'CREATE TABLE t(a); DROP TABLE t')
})

test('each has no more rows in memory than are on their way', async t => {
  const db = await opened(t)
  // A gigabyte in all.
  const sql = `SELECT x, zeroblob(1000000) AS bytes FROM (${counting(1000)})`
  let highest = 0
  let n = 0
  await new Promise((resolve, reject) => db.each(sql, (error, row) => {
    if (error) reject(error)
    n += row.bytes.length === 1000000
    if (n % 50 === 0) highest = Math.max(highest, process.memoryUsage.rss())
  }, resolve))
  assert.equal(n, 1000)
  assert.ok(highest < 700e6, `${highest} bytes`)
})

test('what is queued behind a lost transaction does not run', async t => {
  const file = temporaryFile(t)
  const one = await opened(t, file)
  const two = await opened(t, file)
  await call(one, 'exec', 'CREATE TABLE t(a); BEGIN IMMEDIATE')
  two.configure('busyTimeout', 0)
  const heard = await new Promise(resolve => two.serialize(() => {
    const codes = []
    for (const sql of ['BEGIN IMMEDIATE', 'INSERT INTO t VALUES (1)', 'COMMIT', 'SELECT 1']) {
      two.run(sql, error => { if (codes.push(error?.code ?? null) === 4) resolve(codes) })
    }
  }))
  assert.deepEqual(heard, ['SQLITE_BUSY', 'SQLITE_ABORT', 'SQLITE_ABORT', null])
  await call(one, 'exec', 'COMMIT')
  assert.deepEqual(await call(one, 'all', 'SELECT * FROM t'), [])
})

test('changes of what was rolled back are not told', async t => {
  const db = await opened(t)
  await call(db, 'exec', 'CREATE TABLE t(a INTEGER PRIMARY KEY)')
  const heard = []
  db.on('change', (...args) => heard.push(args))
  await call(db, 'exec', 'BEGIN; INSERT INTO t VALUES (1); ROLLBACK; INSERT INTO t VALUES (2)')
  assert.deepEqual(heard, [['insert', 'main', 't', 2]])
})

test('trace and profile tell of statements, as long as somebody listens', async t => {
  const db = await opened(t)
  const heard = []
  const onTrace = sql => heard.push(['trace', sql])
  const onProfile = (sql, milliseconds) => heard.push(['profile', sql, typeof milliseconds])
  db.on('trace', onTrace).on('profile', onProfile).on('trace', onTrace)
  await call(db, 'run', 'SELECT ?', "it's")
  const sql = "SELECT 'it''s'"
  assert.deepEqual(heard, [['trace', sql], ['trace', sql], ['profile', sql, 'number']])
  db.removeListener('trace', onTrace)
  await call(db, 'run', 'SELECT 2')
  db.off('trace', onTrace).removeAllListeners()
  await call(db, 'run', 'SELECT 3')
  assert.deepEqual(heard.slice(3), [['trace', 'SELECT 2'], ['profile', 'SELECT 2', 'number']])
})

test('bytes are those of the moment of the call', async t => {
  const db = await opened(t)
  const bytes = Buffer.from([1, 2, 3])
  const promises = []
  db.serialize(() => {
    db.get(`${counting(100)}`, () => {})
    promises.push(call(db, 'run', 'CREATE TABLE t(a)'))
    const statement = db.prepare('SELECT ? AS a')
    promises.push(call(statement, 'get', bytes), call(db, 'get', 'SELECT ? AS a', bytes))
    bytes.fill(9)
    statement.finalize()
  })
  const [, prepared, once] = await Promise.all(promises)
  assert.deepEqual([prepared.a, once.a], [Buffer.from([1, 2, 3]), Buffer.from([1, 2, 3])])
})

test('many statements and databases at once, each with its own order', async t => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9)
  t.diagnostic(`seed ${seed}`)
  let state = seed
  const random = n => (state = (state * 1103515245 + 12345) % 2147483648) % n
  const databases = await Promise.all(Array.from({ length: 4 }, () => opened(t)))
  await Promise.all(databases.map(db => call(db, 'exec', 'CREATE TABLE t(a)')))
  const inserted = databases.map(() => 0)
  const running = []
  for (let i = 0; i < 400; i++) {
    const number = random(4)
    const db = databases[number]
    const kind = random(6)
    const check = rows => assert.ok(rows.length <= inserted[number])
    if (kind === 0) running.push(call(db, 'all', 'SELECT * FROM t').then(check))
    else if (kind === 1) running.push(call(db, 'get', counting(1 + random(40))))
    else if (kind === 2) running.push(new Promise(resolve => db.each(counting(1 + random(400)), () => {}, resolve)))
    else if (kind === 3) db.serialize(() => running.push(call(db, 'exec', `CREATE TABLE x${i}(a); DROP TABLE x${i}`)))
    else {
      const statement = db.prepare('INSERT INTO t VALUES (?)')
      for (let j = random(4); j >= 0; j--, inserted[number]++) running.push(call(statement, 'run', i))
      statement.finalize()
    }
  }
  await Promise.all(running)
  const counts = await Promise.all(databases.map(db => call(db, 'get', 'SELECT count(*) AS n FROM t')))
  assert.deepEqual(counts.map(({ n }) => n), inserted)
})
