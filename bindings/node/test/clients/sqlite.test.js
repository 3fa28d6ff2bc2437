'use strict'
// The package `sqlite`, which wraps what it is given in promises: statements, migrations from files, events.

const test = require('node:test')
const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { open } = require('sqlite')
const { sqlite3, temporaryFile } = require('./support')

async function opened (t) {
  const db = await open({ filename: temporaryFile(t), driver: sqlite3.cached.Database })
  await db.exec('CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT UNIQUE, people INTEGER)')
  return db
}

test('sqlite runs, gets, iterates and prepares', async t => {
  const db = await opened(t)
  const insert = 'INSERT INTO city(name, people) VALUES (?, ?), (?, ?)'
  const { lastID, changes } = await db.run(insert, 'Rome', 28, 'Oslo', 7)
  assert.deepEqual({ lastID, changes }, { lastID: 2, changes: 2 })
  assert.deepEqual(await db.get('SELECT name FROM city WHERE id = :id', { ':id': 2 }), { name: 'Oslo' })
  const seen = []
  assert.equal(await db.each('SELECT name FROM city ORDER BY name', (error, row) => seen.push(error ?? row.name)), 2)
  assert.deepEqual(seen, ['Oslo', 'Rome'])
  const statement = await db.prepare('SELECT people FROM city WHERE name = ?')
  assert.deepEqual(await statement.get('Rome'), { people: 28 })
  await statement.bind('Oslo')
  assert.deepEqual(await statement.all(), [{ people: 7 }])
  await statement.finalize()
  await assert.rejects(db.run('INSERT INTO city(name) VALUES (?)', 'Rome'), { code: 'SQLITE_CONSTRAINT', errno: 19 })
  await db.close()
})

test('sqlite migrates from files', async t => {
  const db = await opened(t)
  const migrationsPath = path.join(path.dirname(db.config.filename), 'migrations')
  fs.mkdirSync(migrationsPath)
  fs.writeFileSync(path.join(migrationsPath, '001-river.sql'),
    '-- Up\nCREATE TABLE river(name TEXT);\nINSERT INTO river VALUES (\'Tiber\');\n-- Down\nDROP TABLE river;\n')
  await db.migrate({ migrationsPath })
  assert.deepEqual(await db.all('SELECT * FROM river'), [{ name: 'Tiber' }])
  await db.close()
})
