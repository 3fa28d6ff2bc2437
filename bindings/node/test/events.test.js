'use strict'
const { assert, test, check, open, until, child, failure, scratch } = require('./support')

const hear = (db, name) => {
  const seen = []
  db.on(name, value => seen.push(value))
  return seen
}

check('observe_changes_after_their_commit', async db => {
  await db.run('CREATE TABLE t(id INTEGER PRIMARY KEY, x)')
  const changes = hear(db, 'change')
  const commits = hear(db, 'commit')
  await db.run('INSERT INTO t VALUES (1, 2)')
  await db.run('UPDATE t SET id = 5')
  await db.run('DELETE FROM t')
  const of = (operation, oldRowid, rowid) => ({ operation, schema: 'main', table: 't', oldRowid, rowid })
  assert.deepEqual(changes, [of('insert', null, 1), of('update', 1, 5), of('delete', 5, null)])
  assert.equal(commits.length, 3)
  await db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1, 2)')
    assert.equal(changes.length, 3)
  })
  assert.equal(changes.length, 4)
})

test('observe_values_before_and_after', async () => {
  const db = await open(':memory:', { changeValues: true })
  await db.run('CREATE TABLE t(id INTEGER PRIMARY KEY, x)')
  const changes = hear(db, 'change')
  await db.run("INSERT INTO t VALUES (1, 'a')")
  await db.run("UPDATE t SET x = 'b'")
  await db.run('DELETE FROM t')
  assert.deepEqual(changes.map(({ operation, old, new: fresh }) => [operation, old, fresh]), [
    ['insert', null, [1, 'a']], ['update', [1, 'a'], [1, 'b']], ['delete', [1, 'b'], null]
  ])
  await db.close()
})

check('observe_nothing_of_a_transaction_that_is_rolled_back', async db => {
  await db.run('CREATE TABLE t(x)')
  const changes = hear(db, 'change')
  const rollbacks = hear(db, 'rollback')
  await failure(db.transaction(async tx => { await tx.run('INSERT INTO t VALUES (1)'); throw new Error('undone') }))
  assert.deepEqual([changes.length, rollbacks.length], [0, 1])
})

check('observe_statements_as_they_begin_and_end', async db => {
  const traced = hear(db, 'trace')
  const profiled = hear(db, 'profile')
  await db.all('SELECT ?', [7])
  assert.equal(traced[0].sql, 'SELECT 7')
  assert.equal(profiled[0].sql, 'SELECT 7')
  assert.equal(traced[0].request, profiled[0].request)
  assert.ok(profiled[0].nanoseconds >= 0 && profiled[0].vmSteps > 0)
})

test('observe_the_log_as_it_grows', async t => {
  const db = await open(`${scratch(t)}/a.db`, { journalMode: 'wal' })
  const seen = hear(db, 'wal')
  await db.run('CREATE TABLE t(x)')
  assert.equal(seen[0].schema, 'main')
  assert.ok(seen[0].pages > 0)
  await db.close()
})

check('observation_begins_with_the_first_listener_and_ends_with_the_last', async db => {
  await db.run('CREATE TABLE t(x)')
  const outstanding = () => db.statistics().outstanding
  const seen = []
  const first = () => seen.push(1)
  const second = () => seen.push(2)
  db.on('change', first).on('change', second)
  await db.run('INSERT INTO t VALUES (1)')
  assert.equal(outstanding(), 1)
  db.off('change', first)
  await db.run('INSERT INTO t VALUES (1)')
  db.off('change', second)
  await db.run('INSERT INTO t VALUES (1)')
  await until(() => outstanding() === 0)
  assert.deepEqual(seen, [1, 2, 2])
  db.once('change', first)
  await db.runMany('INSERT INTO t VALUES (?)', [[1], [2]])
  await until(() => outstanding() === 0)
  assert.deepEqual(seen, [1, 2, 2, 1])
  db.on('change', first).off('change', first)
  await db.run('INSERT INTO t VALUES (1)')
  assert.equal(outstanding(), 0)
})

check('a_listener_may_do_everything', async db => {
  await db.run('CREATE TABLE t(x)')
  const answers = []
  db.on('change', () => answers.push(db.get('SELECT count(*) AS n FROM t')))
  db.on('change', () => db.removeFunction('none'))
  db.once('commit', () => { answers.push(db.close()) })
  await db.runMany('INSERT INTO t VALUES (?)', [[1], [2], [3]])
  await db.close()
  assert.deepEqual((await Promise.all(answers)).filter(Boolean), Array(3).fill({ n: 3 }))
})

test('an_error_in_a_listener_loses_no_event', async () => {
  const ended = await child(`
    const caught = []
    process.on('uncaughtException', error => caught.push(error.message))
    require('.').open(':memory:').then(async db => {
      await db.run('CREATE TABLE t(x)')
      let changes = 0
      db.on('change', () => { throw new Error('listener ' + ++changes) })
      const all = await Promise.all([
        db.runMany('INSERT INTO t VALUES (?)', [[1], [2]]), db.get('SELECT 5 AS x'),
        db.run('nonsense').catch(() => 'failed')
      ])
      console.log(JSON.stringify(all), changes)
      setImmediate(() => console.log(caught.join()))
    })`)
  assert.deepEqual([ended.stderr, ended.code], ['', 0])
  assert.equal(ended.stdout, '[{"changes":2,"lastInsertRowid":2},{"x":5},"failed"] 2\nlistener 1,listener 2\n')
})

test('an_error_in_a_listener_is_uncaught', async () => {
  const ended = await child(`require('.').open(':memory:').then(async db => {
    db.on('trace', () => { throw new Error('from a listener') })
    await db.get('SELECT 1')
    await db.get('SELECT 2')
  })`)
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /from a listener/)
})

test('listeners_alone_do_not_keep_the_process_alive', async () => {
  const ended = await child(`require('.').open(':memory:').then(async db => {
    for (const name of ['change', 'commit', 'rollback', 'trace', 'profile', 'wal']) db.on(name, () => {})
    await db.get('SELECT 1')
    globalThis.kept = db
    console.log('at its end')
  })`)
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, 'at its end\n', ''])
})
