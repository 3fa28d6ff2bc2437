'use strict'
// knex: migrations, writes and queries of its builder, transactions, a stream, errors, and a pool that is torn down.

const test = require('node:test')
const assert = require('node:assert/strict')
const { knex: connect } = require('knex')
const { temporaryFile } = require('./support')

const migrations = {
  '001_schema': {
    up: async knex => {
      await knex.schema.createTable('author', table => {
        table.increments('id')
        table.string('name').notNullable().unique()
        table.datetime('born')
      })
      await knex.schema.createTable('book', table => {
        table.increments('id')
        table.integer('author_id').references('author.id').onDelete('CASCADE')
        table.string('title')
        table.float('price')
        table.binary('cover')
      })
    },
    down: knex => knex.schema.dropTable('book').dropTable('author')
  },
  // knex copies the table for it, as SQLite cannot alter a column.
  '002_alter': {
    up: knex => knex.schema.alterTable('book', table => {
      table.string('title').notNullable().alter()
      table.string('language').defaultTo('en')
      table.renameColumn('price', 'cost')
    }),
    down: knex => knex.schema.alterTable('book', table => table.dropColumn('language'))
  }
}

const migrationSource = {
  getMigrations: async () => Object.keys(migrations),
  getMigrationName: name => name,
  getMigration: async name => migrations[name]
}

function open (t) {
  const knex = connect({
    client: 'sqlite3',
    connection: { filename: temporaryFile(t) },
    useNullAsDefault: true,
    pool: { afterCreate: (connection, done) => connection.run('PRAGMA foreign_keys = ON', done) }
  })
  t.after(() => knex.destroy())
  return knex
}

async function filled (t) {
  const knex = open(t)
  await knex.migrate.latest({ migrationSource })
  const [author] = await knex('author').insert({ name: 'Ada', born: new Date(0) })
  await knex('book').insert([
    { author_id: author, title: 'Notes', cost: 1.5, cover: Buffer.from([1, 0, 2]) },
    { author_id: author, title: 'Größe', cost: 2 }
  ])
  return { knex, author }
}

test('knex migrates forward and back', async t => {
  const knex = open(t)
  const [batch, names] = await knex.migrate.latest({ migrationSource })
  assert.equal(batch, 1)
  assert.deepEqual(names, ['001_schema', '002_alter'])
  const columns = await knex('book').columnInfo()
  assert.deepEqual(Object.keys(columns), ['id', 'author_id', 'title', 'cost', 'cover', 'language'])
  await knex.migrate.rollback({ migrationSource })
  assert.equal(await knex.schema.hasTable('book'), false)
})

test('knex writes and queries', async t => {
  const { knex, author } = await filled(t)
  const rows = await knex('book').join('author', 'author.id', 'book.author_id')
    .select('title', 'cost', 'cover', 'language', 'name', 'born').orderBy('title')
  assert.deepEqual(rows.map(row => ({ ...row })), [
    { title: 'Größe', cost: 2, cover: null, language: 'en', name: 'Ada', born: 0 },
    { title: 'Notes', cost: 1.5, cover: Buffer.from([1, 0, 2]), language: 'en', name: 'Ada', born: 0 }
  ])
  assert.equal(await knex('book').where('cost', '>', 1).update({ cost: knex.raw('cost * 2') }), 2)
  assert.deepEqual(await knex('book').where({ author_id: author }).pluck('cost'), [3, 4])
  assert.deepEqual(await knex('book').insert({ title: 'New', author_id: author }).returning(['id', 'title']),
    [{ id: 3, title: 'New' }])
  assert.equal(await knex('author').where({ id: author }).delete(), 1)
  assert.equal((await knex('book').count({ n: '*' }).first()).n, 0)
})

test('knex commits a transaction, and rolls one back', async t => {
  const { knex } = await filled(t)
  await knex.transaction(async tx => {
    await tx('author').insert({ name: 'Grace' })
    await tx.transaction(inner => inner('author').insert({ name: 'Lovelace' }))
  })
  const reason = new Error('no')
  await assert.rejects(knex.transaction(async tx => {
    await tx('author').insert({ name: 'Lost' })
    throw reason
  }), reason)
  assert.deepEqual(await knex('author').pluck('name').orderBy('id'), ['Ada', 'Grace', 'Lovelace'])
})

test('knex hears of errors with their codes', async t => {
  const { knex } = await filled(t)
  await assert.rejects(knex('author').insert({ name: 'Ada' }), error => {
    assert.equal(error.code, 'SQLITE_CONSTRAINT')
    assert.equal(error.errno, 19)
    assert.match(error.message, /SQLITE_CONSTRAINT: UNIQUE constraint failed: author\.name$/)
    return true
  })
  await assert.rejects(knex.raw('SELECT nothing FROM nowhere'), { code: 'SQLITE_ERROR', errno: 1 })
  await assert.rejects(connect({ client: 'sqlite3', connection: '/nowhere/at/all.db', useNullAsDefault: true })
    .raw('SELECT 1'), { code: 'SQLITE_CANTOPEN' })
})

test('knex streams rows', async t => {
  const { knex } = await filled(t)
  const rows = Array.from({ length: 3000 }, (_, i) => ({ title: `t${i}`, cost: i }))
  await knex.batchInsert('book', rows, 100)
  let sum = 0
  let n = 0
  for await (const row of knex('book').where('title', 'like', 't%').select('cost').stream()) {
    sum += row.cost
    n++
  }
  assert.deepEqual({ n, sum }, { n: 3000, sum: 3000 * 2999 / 2 })
})
