'use strict'
// What is left to the garbage collector; each in a process that may call it.
const { assert, test, child, NUMBERS } = require('./support')

const program = body => child(`
  const { open } = require('.')
  const fs = require('node:fs')
  const { setTimeout: sleep } = require('node:timers/promises')
  const NUMBERS = ${JSON.stringify(NUMBERS)}
  const count = folder => fs.readdirSync('/proc/self/' + folder).length
  async function collect (condition) {
    for (let i = 0; !condition(); i++) {
      if (i > 3000) throw new Error('it is not collected')
      gc()
      await sleep(5)
    }
  }
  ;(async () => { ${body} })()`, '--expose-gc')

const passes = async body => {
  const ended = await program(body)
  assert.deepEqual([ended.stderr, ended.code, ended.signal, ended.stdout], ['', 0, null, 'done\n'])
}

test('a_connection_left_to_the_garbage_collector_is_closed', () => passes(`
  const file = fs.mkdtempSync(require('node:os').tmpdir() + '/sidelite-') + '/a.db'
  await (await open(file)).close()
  const before = [count('task'), count('fd')]
  await (async () => {
    for (let i = 0; i < 20; i++) await (await open(file)).get('SELECT 1')
  })()
  if (count('fd') <= before[1]) throw new Error('nothing was open')
  await collect(() => count('task') <= before[0] && count('fd') <= before[1])
  fs.rmSync(require('node:path').dirname(file), { recursive: true })
  console.log('done')`))

test('nor_do_functions_listeners_statements_and_streams_keep_it', () => passes(`
  const before = count('task')
  await (async () => {
    const db = await open(':memory:')
    await db.function('f', function () { return db.isOpen ? 1 : 0 })
    await db.aggregate('g', { start: 0, step: (_, x) => x + (db.isOpen ? 1 : 0) })
    await db.collation('c', () => db.isOpen ? 0 : 1)
    for (const name of ['change', 'commit', 'trace', 'writable']) db.on(name, () => db.isOpen)
    await db.prepare('SELECT f(), g(1)').get()
    await db.stream(NUMBERS)[Symbol.asyncIterator]().next()
    await db.get('SELECT 1', [], { signal: new AbortController().signal })
  })()
  if (count('task') <= before) throw new Error('nothing was open')
  await collect(() => count('task') <= before)
  console.log('done')`))

test('work_that_is_out_keeps_its_connection', () => passes(`
  const result = (async () => {
    const db = await open(':memory:')
    await db.function('later', async x => { await sleep(50); return x })
    return await db.get('SELECT later(5) AS x')
  })()
  const timer = setInterval(gc, 1)
  if ((await result).x !== 5) throw new Error('wrong')
  clearInterval(timer)
  console.log('done')`))

test('an_iterator_left_to_the_garbage_collector_ends_its_query', () => passes(`
  const db = await open(':memory:')
  await (async () => {
    for (let i = 0; i < 5; i++) await db.stream(NUMBERS)[Symbol.asyncIterator]().next()
  })()
  if (db.statistics().outstanding !== 5) throw new Error('nothing is out')
  await collect(() => db.statistics().outstanding === 0)
  await db.close()
  console.log('done')`))

test('results_do_not_keep_the_memory_of_their_wake', () => passes(`
  const db = await open(':memory:')
  await db.run('CREATE TABLE t(a, b)')
  const values = Array.from({ length: 1000 }, (_, i) => ['a text of some length ' + i, Buffer.alloc(900, i)])
  await db.runMany('INSERT INTO t VALUES (?, ?)', values)
  gc()
  const before = process.memoryUsage()
  const kept = []
  for (let i = 0; i < 200; i++) kept.push((await db.all('SELECT a, b FROM t'))[i])
  gc()
  await sleep(10)
  gc()
  const after = process.memoryUsage()
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  // A small Buffer is a part of a pool, whose size is Node's.
  if (grown > 200 * (Buffer.poolSize + 24576)) throw new Error('200 rows keep ' + grown + ' bytes')
  if (kept.length !== 200) throw new Error('wrong')
  await db.close()
  console.log('done')`))

test('a_million_requests_leave_nothing_behind', () => passes(`
  const db = await open(':memory:')
  await db.run('CREATE TABLE t(x)')
  const round = async n => {
    for (let i = 0; i < n; i++) {
      const one = j => j % 50 ? db.get('SELECT ? AS x', [j]) : db.get('nonsense').catch(() => {})
      await Promise.all(Array.from({ length: 500 }, (_, j) => one(j)))
    }
    gc()
    return process.memoryUsage().heapUsed
  }
  await round(100)
  const before = await round(10)
  const after = await round(400)
  if (after > before + 2e6) throw new Error('grown by ' + (after - before))
  await db.close()
  console.log('done')`))
