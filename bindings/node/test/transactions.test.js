'use strict'
const { assert, test, check, failure, open, sleep, scratch, ENDLESS, SideliteError } = require('./support')

const table = async db => { await db.run('CREATE TABLE t(x UNIQUE)') }
const rows = async db => (await db.values('SELECT x FROM t ORDER BY x')).flat()

check('commit_keeps_what_was_done', async db => {
  await table(db)
  const value = await db.transaction(async tx => {
    assert.deepEqual(await tx.run('INSERT INTO t VALUES (1)'), { changes: 1, lastInsertRowid: 1 })
    assert.deepEqual(await tx.get('SELECT x FROM t'), { x: 1 })
    return 'value'
  })
  assert.equal(value, 'value')
  assert.deepEqual(await rows(db), [1])
})

check('transaction_left_by_an_exception_is_rolled_back', async db => {
  await table(db)
  const thrown = new Error('why')
  const error = await failure(db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    throw thrown
  }))
  assert.equal(error, thrown)
  await failure(db.transaction(() => { throw thrown }))
  await failure(db.transaction(async tx => { await tx.run('nonsense') }), 'SQLITE_ERROR')
  assert.deepEqual(await rows(db), [])
})

check('others_wait_for_its_end', async db => {
  await table(db)
  const order = []
  const first = db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    await sleep(20)
    await tx.run('INSERT INTO t VALUES (2)')
    order.push('first')
  })
  const between = db.values('SELECT count(*) FROM t').then(value => { order.push('between'); return value })
  const second = db.transaction(async tx => { order.push('second'); await tx.run('INSERT INTO t VALUES (3)') })
  assert.deepEqual(await between, [[2]])
  await Promise.all([first, second])
  assert.deepEqual(order, ['first', 'between', 'second'])
})

check('lease_loses_no_update_of_many_tasks', async db => {
  await db.script('CREATE TABLE counter(n); INSERT INTO counter VALUES (0)')
  await Promise.all(Array.from({ length: 50 }, () => db.transaction(async tx => {
    const { n } = await tx.get('SELECT n FROM counter')
    await tx.run('UPDATE counter SET n = ?', [n + 1])
  })))
  assert.deepEqual(await db.get('SELECT n FROM counter'), { n: 50 })
})

check('savepoints_are_kept_or_undone', async db => {
  await table(db)
  await db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    await tx.transaction(inner => inner.run('INSERT INTO t VALUES (2)'))
    await failure(tx.transaction(async inner => {
      await inner.run('INSERT INTO t VALUES (3)')
      await inner.transaction(innermost => innermost.run('INSERT INTO t VALUES (4)'))
      throw new Error('undone')
    }))
    await failure(tx.transaction(inner => inner.run('INSERT INTO t VALUES (1)')), 'SQLITE_CONSTRAINT_UNIQUE')
    await tx.transaction(inner => inner.transaction(innermost => innermost.run('INSERT INTO t VALUES (5)')))
  })
  assert.deepEqual(await rows(db), [1, 2, 5])
})

check('an_outer_transaction_takes_nothing_while_an_inner_one_is_open', async db => {
  await table(db)
  await db.transaction(async tx => {
    const inner = tx.transaction(async inner => {
      await failure(tx.run('INSERT INTO t VALUES (1)'), 'SIDELITE_ERR_MISUSE')
      await failure(tx.transaction(() => {}), 'SIDELITE_ERR_MISUSE')
      await inner.run('INSERT INTO t VALUES (2)')
    })
    await failure(tx.run('INSERT INTO t VALUES (3)'), 'SIDELITE_ERR_MISUSE')
    await inner
    await tx.run('INSERT INTO t VALUES (4)')
  })
  assert.deepEqual(await rows(db), [2, 4])
})

check('lease_that_has_ended_is_no_lane_any_more', async db => {
  await table(db)
  let kept, keptInner
  await db.transaction(async tx => {
    kept = tx
    await tx.transaction(async inner => { keptInner = inner })
    await failure(keptInner.run('INSERT INTO t VALUES (1)'), 'SIDELITE_ERR_MISUSE')
  })
  assert.match((await failure(kept.run('INSERT INTO t VALUES (2)'), 'SIDELITE_ERR_MISUSE')).message, /has ended/)
  await failure(kept.transaction(() => {}), 'SIDELITE_ERR_MISUSE')
  await failure(kept.stream('SELECT 1')[Symbol.asyncIterator]().next(), 'SIDELITE_ERR_MISUSE')
  assert.deepEqual(await rows(db), [])
})

check('what_is_not_awaited_belongs_to_it_all_the_same', async db => {
  await table(db)
  await db.transaction(tx => { tx.run('INSERT INTO t VALUES (1)') })
  const lost = []
  await failure(db.transaction(tx => {
    lost.push(tx.run('INSERT INTO t VALUES (2)'))
    throw new Error('undone')
  }))
  await Promise.all(lost)
  assert.deepEqual(await rows(db), [1])
})

check('commit_that_fails_rolls_back', async db => {
  await db.script(`CREATE TABLE p(id INTEGER PRIMARY KEY);
    CREATE TABLE c(p REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)`)
  await failure(db.transaction(tx => tx.run('INSERT INTO c VALUES (7)')), 'SQLITE_CONSTRAINT_FOREIGNKEY')
  assert.deepEqual(await db.values('SELECT count(*) FROM c'), [[0]])
  assert.equal((await db.status()).autocommit.value, 1)
})

check('a_transaction_that_was_lost_is_not_said_to_be_committed', async db => {
  await table(db)
  await db.run('INSERT INTO t VALUES (1)')
  const error = await failure(db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (2)')
    await failure(tx.run('INSERT OR ROLLBACK INTO t VALUES (1)'), 'SQLITE_CONSTRAINT_UNIQUE')
  }), 'SIDELITE_ERR_ABORTED')
  assert.match(error.message, /rolled it back/)
  assert.deepEqual(await rows(db), [1])
})

check('lease_that_is_cancelled_is_rolled_back', async db => {
  await table(db)
  const controller = new AbortController()
  const error = await failure(db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    setTimeout(() => controller.abort('why'), 10)
    await tx.get(ENDLESS)
  }, { signal: controller.signal }), 'SIDELITE_ERR_CANCELLED')
  assert.equal(error.cause, 'why')
  assert.deepEqual(await rows(db), [])
})

check('lease_that_waits_can_be_cancelled', async db => {
  await table(db)
  const controller = new AbortController()
  const waiting = await db.transaction(async () => {
    const begin = () => assert.fail('it begins')
    const all = [
      failure(db.transaction(begin, { signal: controller.signal }), 'SIDELITE_ERR_CANCELLED'),
      failure(db.transaction(begin, { timeout: 5 }), 'SIDELITE_ERR_TIMEOUT')
    ]
    await sleep(20)
    controller.abort()
    return all
  })
  for (const error of await Promise.all(waiting)) assert.equal(error.notRun, true)
})

check('lease_that_is_held_too_long_is_rolled_back', async db => {
  await table(db)
  await failure(db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    await sleep(100)
  }, { hold: 20 }), 'SIDELITE_ERR_ABORTED')
  await failure(db.transaction(tx => tx.get(ENDLESS), { hold: 20 }), 'SIDELITE_ERR_TIMEOUT')
  assert.deepEqual(await rows(db), [])
})

check('none_is_the_sole_use_of_the_connection', async db => {
  await table(db)
  await failure(db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    throw new Error('kept all the same')
  }, { mode: 'none' }))
  await db.transaction(tx => tx.run('INSERT INTO t VALUES (2)'), { mode: 'none' })
  assert.deepEqual(await rows(db), [1, 2])
})

test('lease_begins_as_deferred_immediate_and_exclusive', async t => {
  const file = `${scratch(t)}/a.db`
  const [db, other] = await Promise.all([open(file), open(file, { busyTimeout: 0 })])
  await table(db)
  const write = () => other.run('INSERT INTO t VALUES (random())')
  await db.transaction(write, { mode: 'deferred' })
  await db.transaction(() => failure(write(), 'SQLITE_BUSY'))
  await db.transaction(() => failure(other.all('SELECT * FROM t'), 'SQLITE_BUSY'), { mode: 'exclusive' })
  await other.transaction(async () => {
    await failure(db.transaction(() => assert.fail('it begins'), { timeout: 20 }), 'SIDELITE_ERR_TIMEOUT')
  })
  await Promise.all([db.close(), other.close()])
})

check('every_call_in_a_transaction', async db => {
  await table(db)
  await db.transaction(async tx => {
    await tx.script('INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)')
    await tx.batch(['INSERT INTO t VALUES (3)', ['INSERT INTO t VALUES (?)', [4]]])
    await failure(tx.batch(['INSERT INTO t VALUES (5)', 'INSERT INTO t VALUES (1)']), 'SQLITE_CONSTRAINT_UNIQUE')
    await tx.runMany('INSERT INTO t VALUES (?)', [[6], [7]])
    const seen = []
    for await (const { x } of tx.stream('SELECT x FROM t ORDER BY x')) seen.push(x)
    assert.deepEqual(seen, [1, 2, 3, 4, 6, 7])
    assert.deepEqual(await tx.prepare('SELECT count(*) FROM t').values(), [[6]])
    assert.equal((await tx.execute('DELETE FROM t WHERE x > 3')).changes, 3)
  })
  assert.deepEqual(await rows(db), [1, 2, 3])
})

check('a_transaction_ends_with_its_connection', async db => {
  await table(db)
  const ended = failure(db.transaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    await db.close()
    await tx.run('INSERT INTO t VALUES (2)')
  }))
  const error = await ended
  assert.ok(error instanceof SideliteError)
  assert.equal(error.code, 'SIDELITE_ERR_CLOSED')
})
