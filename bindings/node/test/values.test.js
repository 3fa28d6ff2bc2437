'use strict'
const { assert, check, failure, zeroBlob } = require('./support')

const echo = async (db, value, options) => (await db.get('SELECT ? AS v', [value], options)).v

check('integers_keep_their_value', async db => {
  const edges = [2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1]
  for (const value of [0, 1, -1, ...edges]) {
    assert.equal(await echo(db, value), value)
    assert.equal(await echo(db, value, { integers: 'bigint' }), BigInt(value))
    assert.deepEqual(await db.values('SELECT typeof(?)', [value]), [['integer']])
  }
  for (const value of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 0n]) {
    assert.equal(await echo(db, value, { integers: 'bigint' }), value)
  }
})

check('integer_that_does_not_fit_is_an_error', async db => {
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n]) {
    const error = await failure(echo(db, value))
    assert.ok(error instanceof RangeError)
    assert.match(error.message, new RegExp(`${value} .*'bigint'`))
    assert.match(error.stack, /at async echo/)
  }
  await assert.rejects(echo(db, 2n ** 63n), RangeError)
  await assert.rejects(echo(db, -(2n ** 63n) - 1n), RangeError)
})

check('integers_are_bigint_by_connection_and_by_call', { integers: 'bigint' }, async db => {
  assert.equal(await echo(db, 5), 5n)
  assert.equal(await echo(db, 5, { integers: 'number' }), 5)
  await db.run('CREATE TABLE t(x)')
  assert.deepEqual(await db.run('INSERT INTO t VALUES (1)'), { changes: 1, lastInsertRowid: 1n })
  await db.run('INSERT INTO t(rowid) VALUES (?)', [2n ** 60n])
  assert.equal((await db.run('UPDATE t SET x = 1', [], { integers: 'number' })).lastInsertRowid, 2n ** 60n)
})

check('floating_numbers_keep_their_value', async db => {
  for (const value of [0.5, -0, 1e300, Number.MIN_VALUE, Infinity, -Infinity, 2 ** 53, 2 ** 63, -1e19]) {
    assert.ok(Object.is(await echo(db, value), value), String(value))
    assert.deepEqual(await db.values('SELECT typeof(?)', [value]), [['real']])
  }
  assert.equal(await echo(db, NaN), null)
})

check('text_of_every_kind_goes_in', async db => {
  const long = ['x'.repeat(31), 'x'.repeat(32), 'x'.repeat(33), 'x'.repeat(100_000), 'é'.repeat(5000)]
  for (const text of ['', 'ada', 'a\0b', 'é', 'aé', '€', '😀', '\ufeff', '\u{10ffff}', '__proto__', ...long]) {
    assert.equal(await echo(db, text), text)
    assert.equal((await db.get('SELECT length(CAST(? AS BLOB)) AS n', [text])).n, Buffer.byteLength(text))
  }
  for (const text of ['\ud800', 'a\udc00', '\udc00\ud800']) await assert.rejects(echo(db, text), /lone surrogate/)
})

check('text_that_is_not_utf8_comes_out_with_replacements', async db => {
  assert.deepEqual(await db.values("SELECT CAST(x'61ff62' AS TEXT)"), [['a\ufffdb']])
})

check('blobs_of_every_kind_go_in_and_come_out', async db => {
  const bytes = Buffer.from([0, 1, 2, 3, 4, 5, 6, 255])
  const inside = new Uint8Array(bytes.buffer, bytes.byteOffset + 2, 3)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
  const all = [bytes, new Uint8Array(bytes), inside, new Uint8Array(bytes).buffer, view, Buffer.alloc(0),
    new Float64Array([1.5]), Buffer.alloc(3_000_000, 7), new SharedArrayBuffer(4)]
  for (const blob of all) {
    const expected = Buffer.from(blob.buffer ?? blob, blob.byteOffset ?? 0, blob.byteLength)
    const actual = await echo(db, blob)
    assert.ok(Buffer.isBuffer(actual) && actual.equals(expected))
  }
  assert.deepEqual(await echo(db, zeroBlob(5)), Buffer.alloc(5))
  for (const wrong of [-1, 1.5, '1', NaN]) assert.throws(() => zeroBlob(wrong), RangeError)
})

check('null_is_none_and_nothing_else', async db => {
  assert.equal(await echo(db, null), null)
  const [[none, zero, text, blob]] = await db.values("SELECT NULL, 0, '', x''")
  assert.deepEqual([none, zero, text, blob.length], [null, 0, '', 0])
})

check('bools_are_0_and_1', async db => {
  assert.equal(await echo(db, true), 1)
  assert.equal(await echo(db, false), 0)
})

check('time_is_text_that_sqlite_reads', async db => {
  const date = new Date(Date.UTC(1815, 11, 10, 1, 2, 3, 45))
  assert.equal(await echo(db, date), '1815-12-10 01:02:03.045')
  const [[isSame]] = await db.values("SELECT julianday(?) = julianday('1815-12-10 01:02:03.045')", [date])
  assert.equal(isSame, 1)
  await assert.rejects(echo(db, new Date(NaN)), TypeError)
})

check('time_outside_of_four_digit_years_is_refused', async db => {
  await assert.rejects(echo(db, new Date(Date.UTC(10000, 0))), RangeError)
  await assert.rejects(echo(db, new Date(-1e14)), RangeError)
})

check('objects_are_never_converted', async db => {
  await db.run('CREATE TABLE t(x)')
  let calls = 0
  const called = () => { calls++; db.close(); return 'converted' }
  const methods = { toString: called, valueOf: called, toJSON: called, [Symbol.toPrimitive]: called, then: called }
  const hostile = { ...methods, length: 3 }
  class Day extends Date {
    getTime () { return called() }
    toISOString () { return called() }
    [Symbol.toPrimitive] () { return called() }
  }
  class Bytes extends Uint8Array {
    get length () { return called() }
    get byteLength () { return 1e9 }
    get buffer () { return called() }
  }
  const trap = new Proxy({}, { get: called, getPrototypeOf: called, has: called, ownKeys: called })
  const others = [() => 1, Symbol('s'), undefined, new Map(), Object(1), Object('a'), Promise.resolve(1)]
  for (const value of [hostile, trap, {}, [], ...others]) {
    const error = await failure(db.run('INSERT INTO t VALUES (?)', [value]))
    assert.ok(error instanceof TypeError, String(error))
    assert.match(error.message, /cannot bind/)
  }
  assert.equal(await echo(db, new Day(0)), '1970-01-01 00:00:00.000')
  assert.deepEqual(await echo(db, new Bytes([1, 2, 3])), Buffer.from([1, 2, 3]))
  assert.equal(calls, 0)
  assert.deepEqual(await db.all('SELECT * FROM t'), [])
})

check('a_getter_cannot_send_what_is_half_written', async db => {
  await db.run('CREATE TABLE t(x, y)')
  const inside = []
  const nosy = {
    get x () {
      inside.push(failure(db.run('INSERT INTO t VALUES (8, 8)')), failure(db.close()))
      return 1
    },
    get y () { return 2 }
  }
  await Promise.all([db.run('INSERT INTO t VALUES (0, 0)'), db.run('INSERT INTO t VALUES (:x, :y)', nosy)])
  for (const error of await Promise.all(inside)) assert.match(error.message, /getter/)
  assert.equal(inside.length, 2)
  assert.deepEqual(await db.values('SELECT * FROM t'), [[0, 0], [1, 2]])
})

check('rows_that_a_getter_adds_are_not_written', async db => {
  await db.run('CREATE TABLE t(x, y)')
  const rows = [[1, 'one'], [2, 'two']]
  Object.defineProperty(rows[0], 0, { get: () => { rows.push(...Array(50).fill([3, 'three'])); return 1 } })
  const sql = 'INSERT INTO t VALUES (?, ?)'
  await Promise.all([db.runMany(sql, rows), db.run(sql, [4, 'four'])])
  assert.deepEqual(await db.values('SELECT * FROM t'), [[1, 'one'], [2, 'two'], [4, 'four']])
})

check('statements_that_a_getter_adds_or_takes_are_not_missed', async db => {
  await db.run('CREATE TABLE t(x)')
  const INSERT = 'INSERT INTO t VALUES (?)'
  for (const change of [batch => batch.push([INSERT, [9]]), batch => batch.pop()]) {
    const batch = [[INSERT, [1]], [INSERT, [2]]]
    Object.defineProperty(batch[0][1], 0, { get: () => { change(batch); return 1 } })
    assert.equal((await db.batch(batch)).length, 2)
  }
  assert.deepEqual(await db.values('SELECT x FROM t'), [[1], [2], [1], [2]])
})

check('an_array_of_no_length_is_refused', async db => {
  for (const length of [-1, 0.5, 2 ** 60]) {
    const values = new Proxy([1], { get: (array, key) => key === 'length' ? length : array[key] })
    await assert.rejects(db.values('SELECT 1', values), { name: length > 1 ? 'RangeError' : 'TypeError' })
  }
  assert.deepEqual(await db.values('SELECT ?', [1]), [[1]])
})

check('parameters_by_name', async db => {
  assert.deepEqual(await db.values('SELECT :a, @b, $c, ?4', { a: 1, '@b': 2, $c: 3, '?4': 4 }), [[1, 2, 3, 4]])
  assert.deepEqual(await db.values('SELECT :a, @b, $c, :a', { a: 1, '@b': 2, $c: 3 }), [[1, 2, 3, 1]])
  assert.deepEqual(await db.values('SELECT :a', { a: 1, other: 2 }), [[1]])
  await failure(db.values('SELECT :a, :b', { a: 1 }), 'SQLITE_RANGE')
  await failure(db.values('SELECT ?', []), 'SQLITE_RANGE')
  await failure(db.values('SELECT ?', [1, 2]), 'SQLITE_RANGE')
  await assert.rejects(db.values('SELECT :a', { 'a\0b': 1 }), /NUL/)
  assert.deepEqual(await db.values('SELECT :né', { né: 'é' }), [['é']])
})

check('random_values_come_back', async db => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e6)
  console.log(`seed ${seed}`)
  let state = seed
  const random = n => { state = (state * 1103515245 + 12345) % 2 ** 31; return state % n }
  const make = [
    () => null, () => random(2 ** 31) - 2 ** 30, () => random(2 ** 31) / 7 + 0.1,
    () => 'aé€😀 \0z'.slice(0, random(4)).toWellFormed(),
    () => 'x'.repeat(random(40_000)), () => Buffer.alloc(random(9000), random(256)), () => random(2 ** 20) * 2 ** 32
  ]
  await db.run('CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c)')
  const rows = Array.from({ length: 2000 }, (_, id) => [id, ...[0, 1, 2].map(() => make[random(make.length)]())])
  await db.runMany('INSERT INTO t VALUES (?, ?, ?, ?)', rows)
  assert.deepEqual(await db.values('SELECT * FROM t'), rows)
  const streamed = []
  for await (const row of db.stream('SELECT * FROM t', [], { rows: 'array' })) streamed.push(row)
  assert.deepEqual(streamed, rows)
})
