'use strict'
const {
  assert, test, check, child, failure, iterate, open, SideliteError, series, scratch, ENDLESS, NUMBERS
} = require('./support')
const sidelite = require('..')

check('every_call_gives_what_it_says', async db => {
  assert.equal(await db.script('CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE u(y);'), undefined)
  assert.deepEqual(await db.run('INSERT INTO t(x) VALUES (?), (?)', ['a', 'b']), { changes: 2, lastInsertRowid: 2 })
  assert.deepEqual(await db.all('SELECT * FROM t'), [{ id: 1, x: 'a' }, { id: 2, x: 'b' }])
  assert.deepEqual(await db.all('SELECT * FROM u'), [])
  assert.deepEqual(await db.values('SELECT * FROM t'), [[1, 'a'], [2, 'b']])
  assert.deepEqual(await db.get('SELECT * FROM t'), { id: 1, x: 'a' })
  assert.equal(await db.get('SELECT * FROM u'), undefined)
  assert.deepEqual(await db.execute('UPDATE t SET x = 1 RETURNING id'), {
    columns: ['id'], rows: [{ id: 1 }, { id: 2 }], changes: 2, lastInsertRowid: 2
  })
  assert.deepEqual((await db.execute('SELECT y FROM u')).columns, ['y'])
  assert.deepEqual(await db.runMany('INSERT INTO u VALUES (?)', [[1], [2], [3]]), { changes: 3, lastInsertRowid: 3 })
})

check('get_reads_no_further_than_the_first_row', async db => {
  assert.deepEqual(await db.get(NUMBERS), { i: 1 })
  await db.run('CREATE TABLE t(x)')
  assert.deepEqual(await db.get('INSERT INTO t VALUES (1), (2), (3) RETURNING x'), { x: 1 })
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 3 })
})

// What is awaited alone is looked for before the loop goes on, but not time after time.
check('loop_goes_on_while_one_is_awaited_after_the_other', async db => {
  for (let turns = 0; turns < 100; turns++) {
    let hasGoneOn = false
    setImmediate(() => { hasGoneOn = true })
    for (let n = 0; !hasGoneOn; n++) {
      assert.ok(n < 100, 'the loop stands still')
      await db.get('SELECT 1')
    }
  }
})

check('rows_as_objects_or_arrays', async db => {
  const sql = 'SELECT 1 AS a, 2 AS b, 3 AS a'
  const array = { rows: 'array' }
  assert.deepEqual(await db.all(sql), [{ a: 3, b: 2 }])
  assert.deepEqual(await db.all(sql, [], array), [[1, 2, 3]])
  assert.deepEqual(await db.get(sql, [], array), [1, 2, 3])
  assert.deepEqual((await db.execute(sql, [], array)).rows, [[1, 2, 3]])
})

check('rows_are_arrays_by_connection', { rows: 'array' }, async db => {
  assert.deepEqual(await db.get('SELECT 1'), [1])
  assert.deepEqual(await db.get('SELECT 1 AS x', [], { rows: 'object' }), { x: 1 })
  assert.deepEqual(await db.transaction(tx => tx.all('SELECT 1')), [[1]])
})

check('columns_of_any_name', async db => {
  const row = await db.get('SELECT 1 AS __proto__, 2 AS "a""b\\", 3 AS "\u2028", 4 AS constructor, 5 AS "1", 6 AS ""')
  const expected = [['1', 5], ['', 6], ['__proto__', 1], ['a"b\\', 2], ['constructor', 4], ['\u2028', 3]]
  assert.deepEqual(Object.entries(row).sort(), expected.sort())
  assert.equal(Object.getPrototypeOf(row), Object.prototype)
  assert.deepEqual(await db.all('SELECT 1 AS ab, 2 AS c'), [{ ab: 1, c: 2 }])
  assert.deepEqual(await db.all('SELECT 1 AS a, 2 AS bc'), [{ a: 1, bc: 2 }])
})

check('rows_without_generated_code', async db => {
  const ended = await child(`
    const { open } = require('.')
    open(':memory:').then(async db => console.log(JSON.stringify(await db.all('SELECT 1 AS a, 2 AS __proto__'))))
  `, '--disallow-code-generation-from-strings')
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, '[{"a":1,"__proto__":2}]\n', ''])
})

check('operations_pipeline_and_are_awaited_in_any_order', async db => {
  await db.run('CREATE TABLE t(x)')
  const ended = []
  const all = Array.from({ length: 2000 }, (_, i) => db.run('INSERT INTO t VALUES (?)', [i]).then(() => ended.push(i)))
  await Promise.all(all.reverse())
  assert.deepEqual(ended, Array.from({ length: 2000 }, (_, i) => i))
  assert.deepEqual(await db.get('SELECT count(*) AS n, max(x) AS most FROM t'), { n: 2000, most: 1999 })
})

check('a_turn_goes_out_in_one_array', async db => {
  await db.run('CREATE TABLE t(x)')
  const before = db.statistics().submitted
  const results = await Promise.allSettled([
    db.run('INSERT INTO t VALUES (1)'), db.run('INSERT INTO nowhere VALUES (1)'), db.run('INSERT INTO t VALUES (2)')
  ])
  assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  assert.equal(db.statistics().submitted - before, 3)
})

check('batch_is_one_transaction', async db => {
  await db.run('CREATE TABLE t(x UNIQUE)')
  const results = await db.batch([
    ['INSERT INTO t VALUES (?)', [1]], ['INSERT INTO t VALUES (:x)', { x: 2 }], 'SELECT x FROM t ORDER BY x',
    ['DELETE FROM t WHERE x = 1']
  ])
  assert.deepEqual(results.map(({ changes }) => changes), [1, 1, 0, 1])
  assert.deepEqual(results[2].rows, [{ x: 1 }, { x: 2 }])
  assert.deepEqual((await db.batch(['SELECT 1'], { rows: 'array' }))[0].rows, [[1]])
})

check('batch_tells_of_the_failure_and_not_of_the_aborted', async db => {
  await db.run('CREATE TABLE t(x UNIQUE)')
  for (const [bad, index] of [[0, 0], [1, 1], [2, 2]]) {
    const statements = ['INSERT INTO t VALUES (1)', 'INSERT INTO t VALUES (2)', 'INSERT INTO t VALUES (3)']
    statements[bad] = 'INSERT INTO nowhere VALUES (1)'
    const error = await failure(db.batch(statements), 'SQLITE_ERROR')
    assert.equal(error.index, index)
    assert.match(error.message, /no such table: nowhere/)
  }
  await failure(db.batch(['INSERT INTO t VALUES (1)', 'COMMIT']), 'SIDELITE_ERR_MISUSE')
  await assert.rejects(db.batch(['INSERT INTO t VALUES (1)', ['INSERT INTO t VALUES (?)', [{}]]]), TypeError)
  await assert.rejects(db.batch([]), RangeError)
  await assert.rejects(db.batch('SELECT 1'), TypeError)
  assert.deepEqual(await db.all('SELECT * FROM t'), [])
})

check('batches_and_others_in_one_turn', async db => {
  await db.run('CREATE TABLE t(x)')
  const results = await Promise.all([
    db.run('INSERT INTO t VALUES (1)'),
    db.batch(['INSERT INTO t VALUES (2)', 'INSERT INTO t VALUES (3)']),
    db.get('SELECT count(*) AS n FROM t'),
    failure(db.batch(['INSERT INTO t VALUES (4)', 'nonsense'])),
    db.runMany('INSERT INTO t VALUES (?)', [[5], [6]]),
    db.get('SELECT count(*) AS n FROM t')
  ])
  assert.equal(results[2].n, 3)
  assert.equal(results[5].n, 5)
})

check('many_rows_or_none', async db => {
  await db.run('CREATE TABLE t(x UNIQUE)')
  await failure(db.runMany('INSERT INTO t VALUES (?)', [[1], [2], [1]]), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.deepEqual(await db.all('SELECT * FROM t'), [])
  for (const rows of [[[1], [2, 3]], [[1], 2], [1], 'rows', {}, undefined]) {
    await assert.rejects(db.runMany('INSERT INTO t VALUES (?)', rows), TypeError)
  }
  await assert.rejects(db.runMany('INSERT INTO t VALUES (?)', []), RangeError)
})

check('errors_are_objects', async db => {
  await db.run('CREATE TABLE t(x UNIQUE, y NOT NULL)')
  await db.run('INSERT INTO t VALUES (1, 1)')
  const error = await failure(db.run('INSERT INTO t VALUES (1, 1)'), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.ok(error instanceof SideliteError && error instanceof Error)
  assert.equal(error.name, 'SideliteError')
  assert.equal(error.errno, 2067)
  assert.equal(error.message, 'UNIQUE constraint failed: t.x')
  assert.deepEqual([error.offset, error.notRun, error.rolledBack], [-1, false, false])
  assert.equal((await failure(db.run('SELECT é, nope'), 'SQLITE_ERROR')).offset, 7)
  await failure(db.run('INSERT INTO t VALUES (2, NULL)'), 'SQLITE_CONSTRAINT_NOTNULL')
  await failure(db.run('SELECT 1; SELECT 2'), 'SIDELITE_ERR_MISUSE')
  await failure(db.script('SELECT 1; nonsense'), 'SQLITE_ERROR')
})

check('errors_have_the_stack_of_the_caller', async db => {
  async function innermost () { await db.all('nonsense') }
  async function inBetween () { await Promise.all([innermost()]) }
  const error = await failure(inBetween())
  assert.match(error.stack, /^SideliteError: near "nonsense": syntax error\n/)
  assert.match(error.stack, /async innermost.*calls\.test\.js/)
  assert.match(error.stack, /async inBetween/)
  const wrong = await failure((async function caller () { await db.all(1) })())
  assert.match(wrong.stack, /caller/)
  const read = await failure((async function caller () { await iterate(db.stream('nonsense')).next() })())
  assert.match(read.stack, /caller/)
})

check('what_is_wrong_rejects_before_anything_is_sent', async db => {
  const before = db.statistics().submitted
  const options = [
    { rows: 'objects' }, { integers: 'int' }, { timeout: -1 }, { timeout: '1' }, { timeout: NaN }, { signal: 1 }
  ]
  const wrong = [
    db.run(), db.run(1), db.run(null), db.run({ toString () { throw new Error('called') } }), db.all('SELECT \ud800'),
    db.run('SELECT ?', 1), db.run('SELECT ?', 'a'), db.run('SELECT ?', new Uint8Array(1)), db.run('SELECT 1', [], 1),
    db.run('SELECT 1', [], null), db.script(), db.script(['SELECT 1']), db.describe(), db.checkpoint('hard'),
    db.limit('nothing'), db.blob('t', {}, 1), db.deserialize('text', { schema: Symbol('s') }), db.restore(),
    db.backup(), db.backup(1), db.backup('x', { progress: 1 }),
    db.function(), db.function('f'), db.function('', () => 1), db.function('a\0', () => 1),
    db.function('f', { arity: 200 }, () => 1), db.collation('c'), db.removeFunction(1),
    db.aggregate('f'), db.aggregate('f', { step: 1 }), db.aggregate('f', { step () {}, inverse: 1 }),
    db.transaction(), db.transaction(() => {}, { mode: 'now' }), db.transaction(() => {}, { hold: 'x' }),
    db.transaction(() => {}, { signal: {} }), ...options.map(option => db.run('SELECT 1', [], option))
  ]
  for (const [i, { status, reason }] of (await Promise.allSettled(wrong)).entries()) {
    assert.equal(status, 'rejected', `number ${i}`)
    assert.ok(reason instanceof TypeError || reason instanceof RangeError, `number ${i}: ${reason}`)
  }
  assert.throws(() => db.prepare(), TypeError)
  assert.throws(() => db.on('nothing', () => {}), TypeError)
  assert.throws(() => db.on('change', 1), TypeError)
  assert.equal(db.statistics().submitted, before)
})

check('prepared_statements', async db => {
  await db.run('CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)')
  const insert = db.prepare('INSERT INTO t(name) VALUES (:name)')
  assert.deepEqual(await insert.run({ name: 'a' }), { changes: 1, lastInsertRowid: 1 })
  assert.deepEqual(await insert.runMany([['b'], ['c']]), { changes: 2, lastInsertRowid: 3 })
  assert.deepEqual(await insert.parameters(), [{ position: 1, name: ':name' }])
  const select = db.prepare('SELECT id, name FROM t WHERE id >= ?')
  assert.equal(select.sql, 'SELECT id, name FROM t WHERE id >= ?')
  assert.deepEqual(await select.get([2]), { id: 2, name: 'b' })
  assert.deepEqual(await select.all([3]), [{ id: 3, name: 'c' }])
  assert.deepEqual(await select.values([3]), [[3, 'c']])
  assert.deepEqual((await select.execute([3])).columns, ['id', 'name'])
  assert.deepEqual(await select.columns(), [
    { name: 'id', type: 'INTEGER', schema: 'main', table: 't', column: 'id' },
    { name: 'name', type: 'TEXT', schema: 'main', table: 't', column: 'name' }
  ])
  const described = await select.describe()
  assert.equal(described.readonly, true)
  assert.equal((await insert.describe()).readonly, false)
  const names = []
  for await (const { name } of select.stream([1])) names.push(name)
  assert.deepEqual(names, ['a', 'b', 'c'])
  assert.ok(db.statistics().cacheHits > 3)
  await failure(db.prepare('nonsense').run(), 'SQLITE_ERROR')
})

check('facts', async db => {
  assert.match(sidelite.version, /^\d+\.\d+\.\d+$/)
  assert.match(sidelite.sqliteVersion, /^3\.\d+\.\d+$/)
  assert.deepEqual(await db.values('SELECT sqlite_version()'), [[sidelite.sqliteVersion]])
  assert.equal(db.path, ':memory:')
  assert.equal(db.isOpen, true)
  const status = await db.status()
  assert.deepEqual(status.autocommit, { value: 1, highest: null })
  assert.ok(status.schema_used.value > 0)
  assert.deepEqual(await db.checkpoint(), { log: -1, checkpointed: -1 })
  assert.equal(await db.limit('columns', 50), 2000)
  assert.equal(await db.limit('columns'), 50)
  await failure(db.loadExtension('/nothing'), 'SQLITE_ERROR')
})

test('open_takes_options', async t => {
  const file = `${scratch(t)}/a.db`
  const options = { journalMode: 'wal', synchronous: 'normal', pragmas: ['cache_size=-4000'], busyTimeout: 20 }
  const db = await open(file, options)
  const pragma = async name => (await db.values(`PRAGMA ${name}`))[0][0]
  const names = ['journal_mode', 'synchronous', 'cache_size', 'foreign_keys', 'busy_timeout']
  assert.deepEqual(await Promise.all(names.map(pragma)), ['wal', 1, -4000, 1, 20])
  await failure(db.all('SELECT "text"'), 'SQLITE_ERROR')
  const plain = await open(file, { hardened: false, readonly: true })
  assert.deepEqual(await plain.values('SELECT "text"'), [['text']])
  assert.deepEqual(await plain.values('PRAGMA foreign_keys'), [[0]])
  await failure(plain.run('CREATE TABLE t(x)'), 'SQLITE_READONLY')
  await Promise.all([db.close(), plain.close()])
  assert.equal(db.isOpen, false)
})

test('open_that_fails_tells_why', async t => {
  const folder = scratch(t)
  assert.match((await failure(open(folder), 'SQLITE_CANTOPEN')).stack, /open_that_fails|calls\.test/)
  await failure(open(`${folder}/a.db`, { create: false }), 'SQLITE_CANTOPEN')
  await failure(open(`${folder}/a.db`, { pragmas: ['nonsense('] }), 'SQLITE_ERROR')
  await failure(open(':memory:', { vfs: 'nothing' }), 'SQLITE_ERROR')
})

test('open_with_options_that_can_never_be_right_is_refused', async () => {
  const options = [
    { nothing: 1 }, { readonly: 1 }, { journalMode: 'fast' }, { busyTimeout: -1 }, { maxRequests: 0 },
    { maxResultBytes: 2 ** 33 }, { pragmas: 'a' }, { pragmas: [1] }, { vfs: 1 }, { integers: 1 }, { rows: 'rows' }
  ]
  const wrong = [
    [], [1], [null], ['a\0b'], ['\ud800'], [':memory:', null], [':memory:', 1],
    ...options.map(option => [':memory:', option])
  ]
  for (const args of wrong) {
    const error = await failure(open(...args))
    assert.ok(error instanceof TypeError || error instanceof RangeError, `${args}: ${error}`)
  }
})

test('full_is_an_error_and_writable_tells_when_it_is_over', async () => {
  const db = await open(':memory:', { maxRequests: 4 })
  const isWritable = new Promise(resolve => db.once('writable', resolve))
  const slow = db.get(series(300_000))
  const others = Array.from({ length: 10 }, () => db.get('SELECT 1'))
  const results = await Promise.allSettled([slow, ...others])
  const refused = results.filter(({ status }) => status === 'rejected')
  assert.equal(refused.length, 7)
  for (const { reason } of refused) {
    assert.equal(reason.code, 'SIDELITE_ERR_FULL')
    assert.equal(reason.notRun, true)
  }
  await isWritable
  await db.get('SELECT 1')
  await db.close()
})

test('who_waits_for_writable_keeps_the_process_alive', async () => {
  const ended = await child(`require('.').open(':memory:', { maxRequests: 2 }).then(async db => {
    db.once('writable', () => console.log('writable'))
    await Promise.allSettled(Array.from({ length: 5 }, () => db.get('SELECT 1')))
    globalThis.kept = db
  })`)
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, 'writable\n', ''])
})

test('a_result_may_be_too_big', async () => {
  const db = await open(':memory:', { maxResultBytes: 100_000 })
  await failure(db.all(series(100_000)), 'SIDELITE_ERR_TOO_BIG')
  assert.equal((await db.all(series(100))).length, 100)
  await db.close()
})

check('results_of_every_size', async db => {
  for (const bytes of [1, 60_000, 65_000, 66_000, 1_000_000, 5_000_000]) {
    const results = await Promise.all(Array.from({ length: 40 }, () => db.get('SELECT zeroblob(?) AS b', [bytes])))
    for (const { b } of results) assert.equal(b.length, bytes)
  }
  assert.equal((await db.all(series(200_000))).length, 200_000)
})

check('interrupt_ends_what_is_running', async db => {
  const endless = failure(db.get(ENDLESS), 'SQLITE_INTERRUPT')
  const next = db.get('SELECT 1 AS x')
  await new Promise(resolve => setTimeout(resolve, 20))
  db.interrupt()
  await endless
  assert.deepEqual(await next, { x: 1 })
})
