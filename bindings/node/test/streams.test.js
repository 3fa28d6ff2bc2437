'use strict'
const { pipeline } = require('node:stream/promises')
const { Writable } = require('node:stream')
const { assert, check, failure, iterate, child, until, sleep, series, ENDLESS, NUMBERS } = require('./support')

async function collect (iterable) {
  const rows = []
  for await (const row of iterable) rows.push(row)
  return rows
}

check('stream_gives_every_row_in_order', async db => {
  const rows = await collect(db.stream(series(5000)))
  assert.deepEqual(rows, Array.from({ length: 5000 }, (_, i) => ({ i: i + 1 })))
  assert.deepEqual(await collect(db.stream('SELECT ?, :b', [1, 2], { rows: 'array' })), [[1, 2]])
})

check('stream_of_every_number_of_rows_ends', async db => {
  for (const chunkRows of [0, 1, 2, 7]) {
    for (let n = 1; n < 40; n++) assert.equal((await collect(db.stream(series(n), [], { chunkRows }))).length, n)
  }
  await assert.rejects(async () => collect(db.stream('SELECT 1', [], { chunkRows: -1 })), RangeError)
})

check('stream_of_no_rows_ends', async db => {
  assert.deepEqual(await collect(db.stream('SELECT 1 WHERE 0')), [])
})

check('stream_begins_with_its_first_row_and_anew_with_each_loop', async db => {
  await db.run('CREATE TABLE t(x)')
  const stream = db.stream('SELECT x FROM t')
  await db.run('INSERT INTO t VALUES (1)')
  assert.equal((await collect(stream)).length, 1)
  await db.run('INSERT INTO t VALUES (2)')
  assert.equal((await collect(stream)).length, 2)
})

check('stream_has_back_pressure', async db => {
  let made = 0
  await db.function('made', i => { made++; return i })
  const rows = db.stream(`SELECT made(i) AS i FROM (${series(1000)})`, [], { chunkRows: 10 })[Symbol.asyncIterator]()
  assert.deepEqual(await rows.next(), { value: { i: 1 }, done: false })
  await sleep(50)
  assert.ok(made <= 40, `${made} rows were made for one`)
  await db.get('SELECT 1') // others go on
  assert.equal((await collect(rows)).length, 999)
  assert.equal(made, 1000)
})

check('rows_may_be_asked_for_before_they_come', async db => {
  const rows = db.stream(series(100), [], { chunkRows: 3 })[Symbol.asyncIterator]()
  const all = await Promise.all(Array.from({ length: 103 }, () => rows.next()))
  const expected = Array.from({ length: 100 }, (_, i) => i + 1)
  assert.deepEqual(all.filter(({ done }) => !done).map(({ value }) => value.i), expected)
  assert.deepEqual(all.slice(100), Array(3).fill({ value: undefined, done: true }))
})

check('stream_without_end_is_left', async db => {
  for await (const { i } of db.stream(NUMBERS)) if (i === 1000) break
  await assert.rejects(async () => {
    for await (const { i } of db.stream(NUMBERS)) throw new Error(`at ${i}`)
  }, /at 1/)
  await until(() => db.statistics().outstanding === 0)
  const rows = iterate(db.stream(NUMBERS))
  assert.deepEqual(await rows.return('early'), { value: 'early', done: true })
  assert.deepEqual(await rows.next(), { value: undefined, done: true })
})

check('error_comes_after_the_rows_before_it', async db => {
  const rows = []
  const sql = `SELECT i, abs(CASE i WHEN 50 THEN -9223372036854775807 - 1 ELSE i END) FROM (${series(100)})`
  const error = await failure((async () => {
    for await (const { i } of db.stream(sql)) rows.push(i)
  })())
  assert.match(error.message, /overflow/)
  assert.ok(rows.length > 10 && rows.length < 50)
  await failure(collect(db.stream('nonsense')), 'SQLITE_ERROR')
  await assert.rejects(collect(db.stream('SELECT 9007199254740993')), RangeError)
  await assert.rejects(collect(db.stream('SELECT ?', [{}])), TypeError)
  await assert.rejects(collect(db.stream()), TypeError)
})

check('stream_is_stopped', async db => {
  const controller = new AbortController()
  const { signal } = controller
  const rows = db.stream(`SELECT (${ENDLESS})`, [], { signal })[Symbol.asyncIterator]()
  setTimeout(() => controller.abort('why'), 10)
  const error = await failure(rows.next(), 'SIDELITE_ERR_CANCELLED')
  assert.equal(error.cause, 'why')
  assert.deepEqual(await rows.next(), { value: undefined, done: true })
  await failure(collect(db.stream(`SELECT (${ENDLESS})`, [], { timeout: 20 })), 'SIDELITE_ERR_TIMEOUT')
})

check('several_streams_run_side_by_side', async db => {
  const lengths = await Promise.all([10, 1000, 3000].map(async n => (await collect(db.stream(series(n)))).length))
  assert.deepEqual(lengths, [10, 1000, 3000])
})

check('stream_of_a_statement_that_writes', async db => {
  await db.run('CREATE TABLE t(x)')
  const rows = await collect(db.stream(`INSERT INTO t SELECT i FROM (${series(3000)}) RETURNING x`))
  assert.equal(rows.length, 3000)
  assert.deepEqual(await db.values('SELECT count(*) FROM t'), [[3000]])
})

check('stream_is_a_readable', async db => {
  const seen = []
  await pipeline(db.stream(series(2000)).readable(), new Writable({
    objectMode: true,
    write ({ i }, _, done) { seen.push(i); setImmediate(done) }
  }))
  assert.equal(seen.length, 2000)
  const left = db.stream(series(1_000_000)).readable()
  await new Promise(resolve => left.once('data', resolve))
  left.destroy()
  await until(() => db.statistics().outstanding === 0)
  const bad = db.stream('nonsense').readable()
  assert.equal((await new Promise(resolve => bad.once('error', resolve).resume())).code, 'SQLITE_ERROR')
})

check('a_paused_stream_does_not_keep_the_process_alive', async () => {
  const ended = await child(`
    require('.').open(':memory:').then(async db => {
      const rows = db.stream(${JSON.stringify(series(1e6))})[Symbol.asyncIterator]()
      console.log((await rows.next()).value.i)
      globalThis.kept = [db, rows]
    })`)
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, '1\n', ''])
})
