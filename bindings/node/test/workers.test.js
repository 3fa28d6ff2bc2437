'use strict'
const { Worker } = require('node:worker_threads')
const fs = require('node:fs')
const { assert, test, check, open, child, until, scratch, sleep, ENDLESS, NUMBERS } = require('./support')

const index = JSON.stringify(require.resolve('..'))

function work (source, workerData) {
  const worker = new Worker(`
    const { open } = require(${index})
    const { parentPort, workerData } = require('node:worker_threads')
    const ENDLESS = ${JSON.stringify(ENDLESS)}
    const NUMBERS = ${JSON.stringify(NUMBERS)}
    ${source}`, { eval: true, workerData })
  const ended = new Promise(resolve => worker.once('exit', resolve))
  const failed = new Promise(resolve => worker.once('error', resolve))
  return { worker, ended, failed, told: new Promise(resolve => worker.once('message', resolve)) }
}

test('several_workers_with_a_connection_each', async t => {
  const file = `${scratch(t)}/a.db`
  const db = await open(file, { journalMode: 'wal' })
  await db.run('CREATE TABLE t(x)')
  const workers = Array.from({ length: 4 }, (_, i) => work(`open(workerData.file).then(async db => {
    await Promise.all(Array.from({ length: 100 }, () => db.run('INSERT INTO t VALUES (?)', [workerData.i])))
    await db.function('own', () => workerData.i)
    const { o } = await db.get('SELECT own() AS o')
    await db.close()
    parentPort.postMessage(o)
  })`, { file, i }))
  const own = await Promise.all(Array.from({ length: 100 }, () => db.run('INSERT INTO t VALUES (4)')))
  assert.equal(own.length, 100)
  assert.deepEqual(await Promise.all(workers.map(({ told }) => told)), [0, 1, 2, 3])
  assert.deepEqual(await Promise.all(workers.map(({ ended }) => ended)), [0, 0, 0, 0])
  const counts = await db.values('SELECT x, count(*) FROM t GROUP BY x')
  assert.deepEqual(counts, [[0, 100], [1, 100], [2, 100], [3, 100], [4, 100]])
  await db.close()
})

test('a_worker_ends_by_itself_with_a_connection_open', async () => {
  const { ended } = work("open(':memory:').then(db => { globalThis.kept = db; return db.get('SELECT 1') })")
  assert.equal(await ended, 0)
})

test('a_worker_is_terminated_with_work_in_flight', async () => {
  const tasks = () => fs.readdirSync('/proc/self/task').length
  const cases = {
    endless: 'db.get(ENDLESS).catch(() => {})',
    many: "for (let i = 0; i < 5000; i++) db.get('SELECT 1').catch(() => {})",
    call: "db.function('never', () => new Promise(() => {})); db.get('SELECT never()').catch(() => {})",
    busy: 'db.function("spin", () => { for (;;); }); db.get("SELECT spin()").catch(() => {})',
    stream: '(async () => { for await (const row of db.stream(NUMBERS)) ; })()',
    storm: "const again = () => db.get('SELECT 1').then(again, () => {}); for (let i = 0; i < 50; i++) again()",
    open: "for (let i = 0; i < 20; i++) open(':memory:').then(db => db.close())",
    lease: "db.transaction(() => new Promise(() => {})).catch(() => {})"
  }
  const before = tasks()
  for (const [name, source] of Object.entries(cases)) {
    for (let round = 0; round < 3; round++) {
      const { worker, told, ended } = work(`open(':memory:').then(db => {
        ${source}
        parentPort.postMessage('begun')
      })`)
      await told
      await sleep(round * 5)
      await worker.terminate()
      // 1 says that it was terminated; 0, that it had come to its end before.
      assert.ok([0, 1].includes(await ended), name)
    }
  }
  await until(() => tasks() <= before + 1)
})

test('a_worker_exits_and_throws_with_work_in_flight', async () => {
  const exits = work(`open(':memory:').then(db => {
    db.get(ENDLESS)
    db.get('SELECT 1')
    setTimeout(() => process.exit(7), 10)
  })`)
  assert.equal(await exits.ended, 7)
  const throws = work(`open(':memory:').then(db => {
    db.get(ENDLESS).catch(() => {})
    setTimeout(() => { throw new Error('boom') }, 10)
  })`)
  assert.equal((await throws.failed).message, 'boom')
  assert.equal(await throws.ended, 1)
})

check('workers_come_and_go_while_the_main_thread_works', async db => {
  let isOver = false
  const rounds = (async () => {
    for (let i = 0; i < 15; i++) {
      const { worker, told } = work(`open(':memory:').then(db => {
        db.get(ENDLESS).catch(() => {})
        parentPort.postMessage('begun')
      })`)
      await told
      await worker.terminate()
    }
    isOver = true
  })()
  let done = 0
  for (; !isOver; done++) assert.deepEqual(await db.get('SELECT 1 AS x'), { x: 1 })
  await rounds
  assert.ok(done > 15)
})

test('process_exit_with_workers_at_work', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads')
    require(${index}).open(':memory:').then(db => {
      parentPort.postMessage('begun')
      return db.get(${JSON.stringify(ENDLESS)})
    })`
  const ended = await child(`
    const { Worker } = require('node:worker_threads')
    let begun = 0
    const count = () => { if (++begun === 4) process.exit(5) }
    for (let i = 0; i < 4; i++) new Worker(${JSON.stringify(source)}, { eval: true }).on('message', count)
  `)
  assert.deepEqual([ended.signal, ended.code, ended.stderr], [null, 5, ''])
})
