'use strict'
const fs = require('node:fs')
const { assert, test, check, failure, open, scratch, series, zeroBlob } = require('./support')

const fill = db => db.script(`CREATE TABLE t(x, y); INSERT INTO t SELECT i, zeroblob(500) FROM (${series(2000)})`)
const count = async db => (await db.get('SELECT count(*) AS n FROM t')).n

check('backup_to_a_file_tells_how_far_it_is', async (db, t) => {
  await fill(db)
  const file = `${scratch(t)}/copy.db`
  const seen = []
  const backup = db.backup(file, { pages: 50, progress: at => seen.push(at) })
  const others = db.get('SELECT 1 AS x')
  await backup
  assert.deepEqual(await others, { x: 1 })
  assert.ok(seen.length > 3)
  const left = seen.map(({ remaining }) => remaining)
  assert.deepEqual(left, left.toSorted((a, b) => b - a))
  assert.ok(seen.every(({ total }) => total === seen[0].total))
  const copy = await open(file)
  assert.equal(await count(copy), 2000)
  await copy.close()
})

check('backup_to_another_connection', async db => {
  await fill(db)
  const other = await open(':memory:')
  await db.backup(other)
  assert.equal(await count(other), 2000)
  await other.close()
  await failure(db.backup(other), 'SIDELITE_ERR_CLOSED')
  await failure(db.backup('/nowhere/at/all'), 'SQLITE_CANTOPEN')
})

check('backup_is_cancelled_and_leaves_the_target_as_it_was', async (db, t) => {
  await fill(db)
  const file = `${scratch(t)}/copy.db`
  const controller = new AbortController()
  const options = { pages: 1, sleep: 1, signal: controller.signal, progress: () => controller.abort() }
  await failure(db.backup(file, options), 'SIDELITE_ERR_CANCELLED')
  const thrown = new Error('why')
  assert.equal(await failure(db.backup(file, { pages: 1, sleep: 1, progress () { throw thrown } })), thrown)
  const copy = await open(file)
  assert.deepEqual(await copy.all('SELECT * FROM sqlite_schema'), [])
  await copy.close()
})

check('restore_replaces_the_database', async (db, t) => {
  await fill(db)
  const file = `${scratch(t)}/copy.db`
  await db.backup(file)
  await db.run('DELETE FROM t')
  const seen = []
  await db.restore(file, { pages: 20, progress: at => seen.push(at) })
  assert.equal(await count(db), 2000)
  assert.ok(seen.length > 3)
  fs.writeFileSync(file, 'this is no database at all, whatever its name says '.repeat(100))
  await failure(db.restore(file), 'SQLITE_NOTADB')
  assert.equal(await count(db), 2000)
})

check('image_is_a_file_and_a_database_again', async (db, t) => {
  await fill(db)
  const image = await db.serialize()
  assert.equal(image.subarray(0, 15).toString(), 'SQLite format 3')
  const file = `${scratch(t)}/image.db`
  fs.writeFileSync(file, image)
  const [copy, memory] = await Promise.all([open(file), open(':memory:')])
  await memory.deserialize(image)
  assert.deepEqual([await count(copy), await count(memory)], [2000, 2000])
  await memory.deserialize(image, { readonly: true })
  await failure(memory.run('DELETE FROM t'), 'SQLITE_READONLY')
  await failure(memory.deserialize(Buffer.from('no database')), 'SQLITE_NOTADB')
  await Promise.all([copy.close(), memory.close()])
})

// ---- Blobs ----

const table = async db => {
  await db.run('CREATE TABLE b(data)')
  await db.runMany('INSERT INTO b VALUES (?)', [[zeroBlob(10)], [Buffer.from('0123456789')], ['text']])
}

check('blob_is_written_and_read_in_parts', async db => {
  await table(db)
  const blob = await db.blob('b', 'data', 1, { writable: true })
  assert.equal(blob.size, 10)
  await blob.write(Buffer.from('abc'))
  await Promise.all([blob.write(Buffer.from('xyz'), 7), blob.write('def', 3)])
  assert.equal((await blob.read()).toString(), 'abcdef\0xyz')
  assert.equal((await blob.read(2, 3)).toString(), 'cde')
  assert.equal((await blob.read(10)).length, 0)
  await blob.close()
  await failure(blob.read(), 'SIDELITE_ERR_MISUSE')
  assert.equal((await db.get('SELECT data FROM b')).data.toString(), 'abcdef\0xyz')
})

check('blob_moves_to_another_row', async db => {
  await table(db)
  const blob = await db.blob('b', 'data', 2)
  assert.equal((await blob.read(5)).toString(), '56789')
  await blob.reopen(3)
  assert.equal(blob.size, 4)
  assert.equal((await blob.read()).toString(), 'text')
  await failure(blob.reopen(99), 'SQLITE_ERROR')
  await blob.close().catch(() => {})
})

check('blob_outside_of_its_size_is_refused', async db => {
  await table(db)
  const blob = await db.blob('b', 'data', 2)
  for (const read of [blob.read(0, 11), blob.read(11), blob.read(-1)]) await failure(read)
  await failure(blob.write('x'), 'SQLITE_READONLY')
  await assert.rejects(blob.write({}), TypeError)
  await failure(blob.close(), 'SQLITE_READONLY') // as SQLite has it: the last error, once more; it is closed
  await failure(blob.read(), 'SIDELITE_ERR_MISUSE')
  await failure(db.blob('b', 'nothing', 1), 'SQLITE_ERROR')
  await failure(db.blob('nowhere', 'data', 1), 'SQLITE_ERROR')
})

check('blob_of_a_row_that_has_changed_is_aborted', async db => {
  await table(db)
  const blob = await db.blob('b', 'data', 2)
  await db.run('UPDATE b SET data = 1 WHERE rowid = 2')
  await failure(blob.read(), 'SQLITE_ABORT')
  await blob[Symbol.asyncDispose]()
})

test('a_large_blob_in_parts', async () => {
  const db = await open(':memory:', { integers: 'bigint' })
  await db.run('CREATE TABLE b(data)')
  await db.run('INSERT INTO b VALUES (?)', [zeroBlob(8_000_000)])
  const blob = await db.blob('b', 'data', 1, { writable: true })
  const part = Buffer.alloc(1_000_000)
  for (let i = 0; i < 8; i++) await blob.write(part.fill(i), i * part.length)
  for (let i = 0; i < 8; i++) assert.ok((await blob.read(i * part.length, part.length)).equals(part.fill(i)))
  await blob.close()
  await db.close()
})
