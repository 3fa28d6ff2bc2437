'use strict'
const fs = require('node:fs')
const {
  assert, test, check, failure, iterate, open, child, sleep, scratch, series, until, ENDLESS
} = require('./support')

const count = folder => fs.readdirSync(`/proc/self/${folder}`).length

check('close_drains', async db => {
  await db.run('CREATE TABLE t(x)')
  const all = Array.from({ length: 100 }, (_, i) => db.run('INSERT INTO t VALUES (?)', [i]))
  const closed = db.close()
  assert.equal(db.isOpen, false)
  assert.equal((await Promise.all(all)).length, 100)
  await closed
})

check('close_cancels', async db => {
  const endless = failure(db.get(ENDLESS), 'SIDELITE_ERR_CANCELLED')
  const queued = failure(db.get('SELECT 1'), 'SIDELITE_ERR_CANCELLED')
  await db.close({ cancel: true })
  assert.equal((await queued).notRun, true)
  await endless
})

check('a_second_close_waits_for_the_first_and_may_hurry_it', async db => {
  const endless = failure(db.get(ENDLESS), 'SIDELITE_ERR_CANCELLED')
  const first = db.close()
  const second = db.close()
  await sleep(10)
  await Promise.all([db.close({ cancel: true }), first, second, endless])
  await db.close()
})

check('what_is_closed_takes_nothing', async db => {
  const statement = db.prepare('SELECT 1')
  await db.close()
  const calls = [
    db.run('SELECT 1'), statement.all(), db.batch(['SELECT 1']), db.script('SELECT 1'), db.transaction(() => {}),
    db.serialize(), db.backup('x'), db.function('f', () => 1), iterate(db.stream('SELECT 1')).next()
  ]
  for (const call of calls) await failure(call, 'SIDELITE_ERR_CLOSED')
  for (const call of [() => db.interrupt(), () => db.statistics()]) assert.throws(call, { code: 'SIDELITE_ERR_CLOSED' })
  db.on('change', () => {}).ref().unref()
  assert.equal(db.isOpen, false)
})

test('a_connection_is_disposed_of', async () => {
  const db = await open(':memory:')
  await db[Symbol.asyncDispose]()
  assert.equal(db.isOpen, false)
})

test('many_connections_come_and_go', async t => {
  const file = `${scratch(t)}/a.db`
  await (await open(file)).close()
  const before = [count('task'), count('fd')]
  for (let round = 0; round < 50; round++) {
    const all = await Promise.all(Array.from({ length: 10 }, () => open(file)))
    const reads = Promise.allSettled(all.map(db => db.get('SELECT 1 AS x')))
    await Promise.all(all.map((db, i) => db.close({ cancel: i % 2 === 0 })))
    await reads
  }
  await until(() => count('task') <= before[0] && count('fd') <= before[1])
})

test('close_out_of_everything', async t => {
  const file = `${scratch(t)}/a.db`
  const holder = await open(file)
  await holder.run('CREATE TABLE t(x)')
  await holder.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    const all = await Promise.all(Array.from({ length: 5 }, () => open(file)))
    const [locked, sorting, paused, working, copying] = all
    await working.function('never', () => new Promise(() => {}))
    const rows = iterate(paused.stream(series(1e6)))
    await rows.next()
    const out = [
      locked.run('INSERT INTO t VALUES (2)'), sorting.get(`SELECT i FROM (${series(1e8)}) ORDER BY -i`),
      working.get('SELECT never()'), copying.backup(':memory:', { pages: 1, sleep: 1000 })
    ].map(call => call.catch(error => error.code))
    await sleep(30)
    const begin = performance.now()
    await Promise.all(all.map(db => db.close({ cancel: true })))
    console.log(`measured: closed out of five waits after ${(performance.now() - begin).toFixed(1)} ms`)
    assert.deepEqual((await Promise.all(out)).slice(0, 3), Array(3).fill('SIDELITE_ERR_CANCELLED'))
    await failure((async () => { for await (const row of rows) assert.ok(row) })(), 'SIDELITE_ERR_CANCELLED')
  })
  await holder.close()
})

// ---- The end of a process ----

const begin = `
  const { open } = require('.')
  const { setTimeout: sleep } = require('node:timers/promises')
  const ENDLESS = ${JSON.stringify(ENDLESS)};`

const quiet = ended => assert.deepEqual([ended.signal, ended.code, ended.stderr], [null, 0, ''])

test('an_open_connection_does_not_keep_the_process_alive', async () => {
  const ended = await child(`${begin} open(':memory:').then(async db => {
    await db.get('SELECT 1'); globalThis.kept = db; process.on('exit', () => console.log('exit')) })`)
  quiet(ended)
  assert.equal(ended.stdout, 'exit\n')
})

test('work_that_is_out_keeps_the_process_alive', async () => {
  const sql = JSON.stringify(`SELECT sum(i) AS s FROM (${series(2e6)})`)
  const ended = await child(`${begin} open(':memory:').then(db => {
    db.get(${sql}).then(({ s }) => console.log(s))
    globalThis.kept = db
  })`)
  quiet(ended)
  assert.equal(ended.stdout, '2000001000000\n')
})

test('work_of_what_is_unreferenced_does_not', async () => {
  const ended = await child(`${begin} open(':memory:').then(async db => {
    globalThis.kept = db
    db.unref()
    db.get(ENDLESS).then(() => console.log('never'))
    db.ref().unref()
  })`)
  quiet(ended)
  assert.equal(ended.stdout, '')
  const both = await child(`${begin} Promise.all([open(':memory:'), open(':memory:')]).then(([one, other]) => {
    one.unref().get(ENDLESS).catch(() => {})
    other.get(${JSON.stringify(series(1e5))}).then(() => { console.log('other'); one.get(ENDLESS) })
  })`)
  quiet(both)
  assert.equal(both.stdout, 'other\n')
})

test('process_exit_with_work_in_flight', async () => {
  const ended = await child(`${begin} open(':memory:').then(async db => {
    await db.function('never', () => new Promise(() => {}))
    const other = await open(':memory:')
    for (let i = 0; i < 1000; i++) other.get(i ? 'SELECT 1' : ENDLESS)
    db.get('SELECT never()')
    db.on('trace', () => {})
    await sleep(20)
    other.get('SELECT 2')
    process.exit(3)
  })`)
  assert.deepEqual([ended.signal, ended.code, ended.stderr], [null, 3, ''])
})

test('uncaught_exception_with_work_in_flight', async () => {
  const boom = '() => { throw new Error("boom") }'
  for (const where of [`setTimeout(${boom}, 20)`, `db.on("trace", ${boom}); db.get("SELECT 1")`]) {
    const ended = await child(`${begin} Promise.all([open(':memory:'), open(':memory:')]).then(async ([db, other]) => {
      other.get(ENDLESS).catch(() => {})
      ${where}
    })`)
    assert.deepEqual([ended.signal, ended.code], [null, 1])
    assert.match(ended.stderr, /Error: boom/)
  }
})

test('promise_never_awaited_that_rejects', async () => {
  const ended = await child(`${begin} open(':memory:').then(db => { db.get('nonsense') })`)
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /SideliteError: near "nonsense"/)
  const told = await child(`${begin}
    process.on('unhandledRejection', error => console.log('unhandled', error.message))
    open(':memory:').then(async db => {
      const handled = db.get('handled')
      db.get('forgotten')
      await handled.catch(error => console.log('handled', error.message))
      const thrown = db.transaction(() => { throw new Error('in a transaction') })
      await thrown.catch(error => console.log('handled', error.message))
      db.stream('SELECT 1; nonsense')[Symbol.asyncIterator]()
      await db.close()
    })`)
  quiet(told)
  assert.deepEqual(told.stdout.trim().split('\n').sort(), [
    'handled in a transaction', 'handled near "handled": syntax error', 'unhandled near "forgotten": syntax error'
  ])
})

test('exit_in_the_middle_of_a_callback', async () => {
  const ended = await child(`${begin} open(':memory:').then(async db => {
    await db.function('leave', () => process.exit(4))
    await db.get('SELECT leave()')
  })`)
  assert.deepEqual([ended.signal, ended.code, ended.stderr], [null, 4, ''])
})

test('what_was_not_closed_is_as_after_a_kill', async t => {
  const file = `${scratch(t)}/a.db`
  const ended = await child(`${begin} open(${JSON.stringify(file)}, { journalMode: 'wal' }).then(async db => {
    await db.run('CREATE TABLE t(x)')
    await db.run('INSERT INTO t VALUES (1)')
    await db.script('BEGIN; INSERT INTO t VALUES (2)')
    process.exit(0)
  })`)
  quiet(ended)
  const db = await open(file)
  assert.deepEqual(await db.values('SELECT x FROM t'), [[1]])
  await db.close()
})
