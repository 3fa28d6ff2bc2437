'use strict'
const { assert, test, check, failure, open, sleep, scratch, ENDLESS } = require('./support')

const CANCELLED = 'SIDELITE_ERR_CANCELLED'

check('stopped_before_it_is_submitted', async db => {
  await db.run('CREATE TABLE t(x)')
  const before = db.statistics().submitted
  const error = await failure(db.run('INSERT INTO t VALUES (1)', [], { signal: AbortSignal.abort('why') }), CANCELLED)
  assert.deepEqual([error.cause, error.notRun], ['why', true])
  // In the same turn: gathered, and not sent.
  const controller = new AbortController()
  const { signal } = controller
  const first = db.run('INSERT INTO t VALUES (2)')
  const stopped = [
    failure(db.run('INSERT INTO t VALUES (3)', [], { signal }), CANCELLED),
    failure(db.batch(['INSERT INTO t VALUES (4)', 'INSERT INTO t VALUES (5)'], { signal }), CANCELLED),
    failure(db.stream('SELECT 1', [], { signal })[Symbol.asyncIterator]().next(), CANCELLED)
  ]
  const last = db.run('INSERT INTO t VALUES (6)')
  controller.abort(new Error('reason'))
  for (const error of await Promise.all(stopped)) {
    assert.equal(error.notRun, true)
    assert.equal(error.cause.message, 'reason')
  }
  await Promise.all([first, last])
  assert.deepEqual(await db.values('SELECT x FROM t'), [[2], [6]])
  assert.equal(db.statistics().submitted - before, 3)
})

check('a_getter_may_abort_its_own_request', async db => {
  const controller = new AbortController()
  const { signal } = controller
  const parameters = { get x () { controller.abort('why'); return 1 } }
  const error = await failure(db.get(`SELECT :x, (${ENDLESS})`, parameters, { signal }), CANCELLED)
  assert.deepEqual([error.cause, error.notRun], ['why', true])
})

check('stopped_while_queued_and_its_neighbour_is_not', async db => {
  await db.run('CREATE TABLE t(x)')
  const begun = new Promise(resolve => { db.function('begun', () => resolve()) })
  const running = new AbortController()
  const queued = new AbortController()
  const endless = failure(db.get(`SELECT begun(), (${ENDLESS})`, [], { signal: running.signal }), CANCELLED)
  const waiting = failure(db.run('INSERT INTO t VALUES (1)', [], { signal: queued.signal }), CANCELLED)
  const neighbour = db.run('INSERT INTO t VALUES (2)')
  await begun
  queued.abort()
  running.abort()
  assert.equal((await endless).notRun, false)
  const error = await waiting
  assert.equal(error.notRun, true)
  assert.equal(error.cause.name, 'AbortError')
  await neighbour
  assert.deepEqual(await db.values('SELECT x FROM t'), [[2]])
})

// Each hears of it while the transaction is still open, in which it is waited for.
check('stopped_behind_a_transaction_is_told_at_once', async db => {
  await db.run('CREATE TABLE t(x)')
  const INSERT = 'INSERT INTO t VALUES (1)'
  const { outstanding } = db.statistics()
  await db.transaction(async tx => {
    for (const [code, options] of [
      [CANCELLED, () => ({ signal: AbortSignal.timeout(1) })],
      ['SIDELITE_ERR_TIMEOUT', () => ({ timeout: 1 })]
    ]) {
      const stopped = [
        db.run(INSERT, [], options()),
        db.batch([INSERT, INSERT], options()),
        db.stream('SELECT 1', [], options())[Symbol.asyncIterator]().next(),
        db.transaction(() => assert.fail('it began'), options())
      ]
      for (const promise of stopped) assert.equal((await failure(promise, code)).notRun, true)
    }
    await tx.run('INSERT INTO t VALUES (2)')
  })
  assert.deepEqual(await db.values('SELECT x FROM t'), [[2]])
  assert.equal(db.statistics().outstanding, outstanding)
})

check('a_timeout_of_what_runs_is_told_as_one', async db => {
  for (let i = 0; i < 50; i++) {
    const error = await failure(db.get(ENDLESS, [], { timeout: 1 + i % 5 }), 'SIDELITE_ERR_TIMEOUT')
    assert.equal(error.message, (await failure(db.get(ENDLESS, [], { timeout: 1 }), 'SIDELITE_ERR_TIMEOUT')).message)
  }
  assert.deepEqual(await db.get('SELECT 7 AS x'), { x: 7 })
})

test('stopped_while_waiting_for_a_lock', async t => {
  const file = `${scratch(t)}/a.db`
  const [holder, waiter] = await Promise.all([open(file), open(file)])
  await holder.run('CREATE TABLE t(x)')
  await holder.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    const controller = new AbortController()
    const waiting = failure(waiter.run('INSERT INTO t VALUES (2)', [], { signal: controller.signal }), CANCELLED)
    await sleep(30)
    controller.abort()
    await waiting
    await failure(waiter.run('INSERT INTO t VALUES (3)', [], { timeout: 20 }), 'SIDELITE_ERR_TIMEOUT')
  })
  await waiter.run('INSERT INTO t VALUES (4)')
  assert.deepEqual(await holder.values('SELECT x FROM t'), [[1], [4]])
  await Promise.all([holder.close(), waiter.close()])
})

check('timeout_ends_one_call', async db => {
  const begin = performance.now()
  const endless = failure(db.get(ENDLESS, [], { timeout: 300 }), 'SIDELITE_ERR_TIMEOUT')
  const queued = failure(db.get('SELECT 1', [], { timeout: 10 }), 'SIDELITE_ERR_TIMEOUT')
  const next = db.get('SELECT 1 AS x')
  assert.equal((await endless).notRun, false)
  assert.equal((await queued).notRun, true)
  assert.deepEqual(await next, { x: 1 })
  console.log(`measured: a timeout of 300 ms ended after ${(performance.now() - begin).toFixed(1)} ms`)
})

check('a_signal_of_time', async db => {
  const error = await failure(db.get(ENDLESS, [], { signal: AbortSignal.timeout(20) }), CANCELLED)
  assert.equal(error.cause.name, 'TimeoutError')
})

check('stop_after_the_end_does_nothing', async db => {
  const controller = new AbortController()
  assert.deepEqual(await db.get('SELECT 1 AS x', [], { signal: controller.signal }), { x: 1 })
  const endless = db.get('SELECT 2 AS x')
  controller.abort()
  assert.deepEqual(await endless, { x: 2 })
})

check('a_signal_is_left_at_the_end', async db => {
  const { getEventListeners } = require('node:events')
  const { signal } = new AbortController()
  const warnings = []
  process.on('warning', warning => warnings.push(warning))
  const all = Array.from({ length: 200 }, () => db.get('SELECT 1', [], { signal }))
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  await Promise.all(all)
  await db.transaction(() => {}, { signal })
  for await (const row of db.stream('SELECT 1', [], { signal })) assert.ok(row)
  await failure(db.get('nonsense', [], { signal }))
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  assert.deepEqual(warnings, [])
})

check('one_signal_stops_many', async db => {
  const controller = new AbortController()
  const { signal } = controller
  const all = Array.from({ length: 1000 }, (_, i) => db.get(i ? 'SELECT 1' : ENDLESS, [], { signal }))
  setTimeout(() => controller.abort(), 10)
  for (const { reason } of await Promise.allSettled(all)) assert.equal(reason.code, CANCELLED)
  assert.deepEqual(await db.get('SELECT 7 AS x'), { x: 7 })
})

check('stops_race_with_their_requests', async db => {
  await db.run('CREATE TABLE t(x)')
  const seed = Number(process.env.SEED ?? Date.now() % 1e6)
  console.log(`seed ${seed}`)
  let state = seed
  const random = n => { state = (state * 1103515245 + 12345) % 2 ** 31; return state % n }
  let done = 0
  for (let round = 0; round < 200; round++) {
    const controllers = Array.from({ length: 20 }, () => new AbortController())
    const calls = controllers.map(({ signal }, i) => db.run('INSERT INTO t VALUES (?)', [i], { signal }))
    if (random(2)) await sleep(0)
    for (const controller of controllers) if (random(3) === 0) controller.abort()
    for (const result of await Promise.allSettled(calls)) {
      if (result.status === 'fulfilled') done++
      else assert.equal(result.reason.code, CANCELLED)
    }
  }
  assert.equal((await db.get('SELECT count(*) AS n FROM t')).n, done)
})
