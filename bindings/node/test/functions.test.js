'use strict'
const { assert, check, failure, iterate, open, sleep, series, child, ENDLESS } = require('./support')

const one = async (db, sql, parameters, options) => (await db.values(sql, parameters, options))[0][0]

check('host_function_is_answered_at_once', async db => {
  await db.function('twice', x => x * 2)
  assert.equal(await one(db, 'SELECT twice(21)'), 42)
  assert.deepEqual(await db.values(`SELECT twice(i) FROM (${series(3)})`), [[2], [4], [6]])
})

check('host_function_is_answered_later', async db => {
  await db.function('later', async x => { await sleep(5); return x + 1 })
  assert.deepEqual(await Promise.all([one(db, 'SELECT later(1)'), one(db, 'SELECT later(2)')]), [2, 3])
})

check('host_function_takes_and_gives_every_value', async db => {
  const seen = []
  await db.function('f', { arity: -1 }, function (...values) { seen.push(values); return values[0] })
  for (const value of [null, 1, 2 ** 50, 0.5, 'text é', Buffer.from([1, 2])]) {
    assert.deepEqual(await one(db, 'SELECT f(?, 1)', [value]), value)
  }
  assert.deepEqual(seen[4], ['text é', 1])
  await db.function('none', () => undefined)
  await db.function('big', () => 2n ** 62n)
  await db.function('day', () => new Date(0))
  assert.equal(await one(db, 'SELECT none()'), null)
  assert.equal(await one(db, 'SELECT big()', [], { integers: 'bigint' }), 2n ** 62n)
  assert.equal(await one(db, 'SELECT day()'), '1970-01-01 00:00:00.000')
})

check('host_function_whose_value_cannot_be_fails', async db => {
  const values = { object: {}, symbol: Symbol('s'), list: [1], surrogate: '\ud800', huge: 2n ** 64n }
  for (const [name, value] of Object.entries(values)) {
    await db.function(name, () => value)
    const error = await failure(db.get(`SELECT ${name}()`))
    assert.ok(error instanceof TypeError || error instanceof RangeError, String(error))
  }
  await db.function('unsafe', x => x)
  await assert.rejects(one(db, 'SELECT unsafe(9007199254740993)'), RangeError)
})

check('host_function_fails_with_the_very_error_that_it_threw', async db => {
  class Own extends Error {}
  for (const thrown of [new Own('own'), 'text', 5, null, undefined, Object.freeze({ a: 1 }), new Proxy({}, {})]) {
    await db.function('throws', () => { throw thrown })
    await db.function('rejects', async () => { throw thrown })
    assert.equal(await failure(db.get('SELECT throws()')), thrown)
    assert.equal(await failure(db.get('SELECT rejects()')), thrown)
    assert.equal(await failure(db.batch(['SELECT 1', 'SELECT throws()'])), thrown)
    assert.equal(await failure(iterate(db.stream('SELECT throws()')).next()), thrown)
    assert.equal(await failure(db.transaction(tx => tx.get('SELECT throws()'))), thrown)
  }
})

check('host_function_queries_its_own_connection', async db => {
  await db.run('CREATE TABLE t(x)')
  await db.function('tick', { arity: 0 }, async function () {
    await this.run('INSERT INTO t VALUES (1)')
    return (await this.get('SELECT count(*) AS n FROM t')).n
  })
  assert.deepEqual(await Promise.all([one(db, 'SELECT tick()'), one(db, 'SELECT tick()')]), [1, 2])
  await db.function('down', async function (n) {
    return n ? (await this.get('SELECT down(?) AS d', [n - 1])).d + 1 : 0
  })
  assert.equal(await one(db, 'SELECT down(9)'), 9)
  const { message } = await failure(db.get('SELECT down(50)'), 'SIDELITE_ERR_MISUSE')
  assert.match(message, /calls wait inside one another/)
  let kept
  await db.function('keep', function () { kept = this })
  await db.get('SELECT keep()')
  await failure(kept.get('SELECT 1'), 'SIDELITE_ERR_BAD_HANDLE')
})

check('contract_12_cancel_reaches_a_call_that_waits', async db => {
  await db.function('never', () => new Promise(() => {}))
  await failure(db.get('SELECT never()', [], { signal: AbortSignal.timeout(20) }), 'SIDELITE_ERR_CANCELLED')
  await failure(db.get('SELECT never()', [], { timeout: 20 }), 'SIDELITE_ERR_TIMEOUT')
  await db.function('never', { replyTimeout: 20 }, () => new Promise(() => {}))
  await failure(db.get('SELECT never()'), 'SIDELITE_ERR_TIMEOUT')
})

check('close_reaches_a_call_that_waits', async db => {
  let waiting
  await new Promise((resolve, reject) => {
    const never = () => { resolve(); return new Promise(() => {}) }
    db.function('never', never).catch(reject)
    waiting = failure(db.get('SELECT never()'), 'SIDELITE_ERR_CANCELLED')
  })
  await db.close({ cancel: true })
  await waiting
})

check('an_answer_that_comes_too_late_does_nothing', async db => {
  const controller = new AbortController()
  let answer
  await db.function('slow', () => {
    controller.abort()
    return new Promise(resolve => { answer = resolve })
  })
  await failure(db.get('SELECT slow()', [], { signal: controller.signal }), 'SIDELITE_ERR_CANCELLED')
  answer(1)
  assert.equal(await one(db, 'SELECT 2'), 2)
})

check('functions_are_told_apart_by_name_and_arity', async db => {
  await db.function('f', a => 'one')
  await db.function('f', (a, b) => 'two')
  await db.function('F', { arity: -1 }, () => 'any')
  assert.deepEqual(await db.values('SELECT f(1), F(1, 2), f(1, 2, 3)'), [['one', 'two', 'any']])
  await db.function('f', a => 'replaced')
  assert.equal(await one(db, 'SELECT f(1)'), 'replaced')
  assert.equal(await db.removeFunction('f'), true)
  await failure(db.get('SELECT f(1)'), 'SQLITE_ERROR')
  assert.equal(await db.removeFunction('f'), false)
})

check('a_function_in_use_is_not_replaced', async db => {
  await db.function('f', () => 'old')
  const rows = iterate(db.stream(`SELECT f() FROM (${series(100)})`, [], { chunkRows: 1, rows: 'array' }))
  assert.deepEqual(await rows.next(), { value: ['old'], done: false })
  await failure(db.function('f', () => 'new'), 'SQLITE_BUSY')
  assert.deepEqual(await rows.next(), { value: ['old'], done: false })
  await rows.return()
  await db.function('f', () => 'new')
  assert.equal(await one(db, 'SELECT f()'), 'new')
})

check('flags_of_functions', async db => {
  await db.function('pure', { deterministic: true, innocuous: true }, x => x + 1)
  await db.run('CREATE TABLE t(x)')
  await db.function('impure', { innocuous: true }, x => x)
  await db.run('CREATE INDEX i ON t(pure(x))')
  await failure(db.run('CREATE INDEX j ON t(impure(x))'), 'SQLITE_ERROR')
  await db.function('impure', x => x)
  await db.run('CREATE VIEW v AS SELECT impure(1)')
  await failure(db.all('SELECT * FROM v'), 'SQLITE_ERROR')
  await db.function('impure', { innocuous: true }, x => x)
  assert.deepEqual(await db.values('SELECT * FROM v'), [[1]])
})

check('host_aggregate_gets_many_rows_at_a_time', async db => {
  await db.aggregate('total', { start: 0, step: (sum, x) => sum + x })
  assert.equal(await one(db, `SELECT total(i) FROM (${series(2000)})`), 2001000)
  const groups = await db.values(`SELECT i % 3, total(i) FROM (${series(9)}) GROUP BY 1`)
  assert.deepEqual(groups, [[0, 18], [1, 12], [2, 15]])
  assert.equal(await one(db, 'SELECT total(1) WHERE 0'), 0)
  await db.aggregate('list', { start: () => [], step: (list, x) => [...list, x], result: list => JSON.stringify(list) })
  assert.deepEqual(await db.values(`SELECT list(i) FROM (${series(4)}) GROUP BY i % 2`), [['[2,4]'], ['[1,3]']])
})

check('host_aggregate_is_asynchronous', async db => {
  await db.aggregate('slow', {
    start: 0,
    async step (sum, x) { return sum + x + (await this.get('SELECT 1 AS one')).one },
    async result (sum) { await sleep(1); return sum }
  })
  assert.equal(await one(db, `SELECT slow(i) FROM (${series(20)})`), 230)
})

check('host_aggregate_fails_in_step_and_in_result', async db => {
  const thrown = new Error('why')
  await db.aggregate('bad_step', { start: 0, arity: 1, step () { throw thrown } })
  await db.aggregate('bad_result', { start: 0, step: (_, x) => x, result () { throw thrown } })
  await db.aggregate('bad_start', { start () { throw thrown }, step: (_, x) => x })
  for (const name of ['bad_step', 'bad_result', 'bad_start']) {
    assert.equal(await failure(db.get(`SELECT ${name}(1)`)), thrown, name)
  }
})

check('host_window_moves', async db => {
  await db.aggregate('moving', { start: 0, step: (sum, x) => sum + x, inverse: (sum, x) => sum - x })
  const sql = `SELECT moving(i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (${series(5)})`
  assert.deepEqual(await db.values(sql), [[1], [3], [5], [7], [9]])
})

check('host_collation_sorts', async db => {
  await db.collation('backwards', (a, b) => a < b ? 1 : a > b ? -1 : 0)
  await db.script("CREATE TABLE t(x TEXT); INSERT INTO t VALUES ('a'), ('c'), ('b')")
  assert.deepEqual(await db.values('SELECT x FROM t ORDER BY x COLLATE backwards'), [['c'], ['b'], ['a']])
  assert.equal(await db.removeCollation('backwards'), true)
  await failure(db.all('SELECT x FROM t ORDER BY x COLLATE backwards'), 'SQLITE_ERROR_MISSING_COLLSEQ')
})

check('functions_of_two_connections', async db => {
  const other = await open(':memory:')
  await Promise.all([db.function('who', () => 'first'), other.function('who', () => 'second')])
  assert.deepEqual(await Promise.all([one(db, 'SELECT who()'), one(other, 'SELECT who()')]), ['first', 'second'])
  await other.close()
  assert.equal(await one(db, 'SELECT who()'), 'first')
})

check('a_function_may_do_everything', async db => {
  await db.function('f', () => {
    db.get('SELECT 1').catch(() => {})
    db.close()
    return 5
  })
  assert.equal(await one(db, 'SELECT f()'), 5)
  await db.close()
})

check('a_function_alone_does_not_keep_the_process_alive', async () => {
  const ended = await child(`require('.').open(':memory:').then(async db => {
    await db.function('f', () => 1)
    console.log((await db.get('SELECT f() AS f')).f)
    globalThis.kept = db
  })`)
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, '1\n', ''])
})

check('a_function_that_runs_for_ever_is_stopped', async db => {
  await db.function('again', async function () { return (await this.get('SELECT again() AS a')).a })
  const error = await failure(db.get('SELECT again()'))
  assert.ok(error.code.startsWith('S'), String(error))
  await failure(db.get(ENDLESS, [], { timeout: 5 }), 'SIDELITE_ERR_TIMEOUT')
})
