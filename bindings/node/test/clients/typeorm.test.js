'use strict'
// typeorm: a migration of ours, one that it makes itself from the entities, relations, transactions, a query builder,
// errors.

require('reflect-metadata')
const test = require('node:test')
const assert = require('node:assert/strict')
const { DataSource, EntitySchema, QueryFailedError } = require('typeorm')
const { sqlite3, temporaryFile } = require('./support')

const Author = new EntitySchema({
  name: 'Author',
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: String, unique: true },
    born: { type: 'datetime', nullable: true },
    tags: { type: 'simple-json', nullable: true }
  },
  relations: { books: { type: 'one-to-many', target: 'Book', inverseSide: 'author', cascade: true } }
})

const Book = new EntitySchema({
  name: 'Book',
  columns: {
    id: { type: Number, primary: true, generated: true },
    title: { type: String },
    price: { type: 'real', nullable: true },
    cover: { type: 'blob', nullable: true }
  },
  relations: { author: { type: 'many-to-one', target: 'Author', inverseSide: 'books', onDelete: 'CASCADE' } }
})

class Notes1700000000000 {
  name = 'Notes1700000000000'
  async up (runner) {
    await runner.query('CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT)')
    await runner.query('INSERT INTO note(text) VALUES (?)', ['first'])
  }

  async down (runner) { await runner.query('DROP TABLE note') }
}

async function open (t, options) {
  const source = new DataSource({
    type: 'sqlite', database: temporaryFile(t), entities: [Author, Book], migrations: [Notes1700000000000], ...options
  })
  await source.initialize()
  t.after(() => source.isInitialized && source.destroy())
  return source
}

async function filled (t) {
  const source = await open(t, { synchronize: true })
  await source.getRepository(Author).save({
    name: 'Ada',
    born: new Date('1815-12-10T00:00:00.000Z'),
    tags: ['a', { b: 1 }],
    books: [{ title: 'Notes', price: 1.5, cover: Buffer.from([1, 0, 2]) }, { title: 'Größe', price: 2 }]
  })
  return source
}

test('typeorm migrates forward and back', async t => {
  const source = await open(t, {})
  assert.deepEqual((await source.runMigrations()).map(({ name }) => name), ['Notes1700000000000'])
  assert.deepEqual(await source.query('SELECT * FROM note'), [{ id: 1, text: 'first' }])
  await source.undoLastMigration()
  await assert.rejects(source.query('SELECT * FROM note'), QueryFailedError)
})

for (const [name, options] of [['finds', {}], ['is given', { driver: sqlite3 }]]) {
  test(`typeorm makes a schema on the sqlite3 that it ${name}, and changes nothing the second time`, async t => {
    const source = await open(t, options)
    await source.synchronize()
    const { upQueries } = await source.driver.createSchemaBuilder().log()
    assert.deepEqual(upQueries, [])
    const tables = await source.query(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1")
    assert.deepEqual(tables.map(table => table.name), ['author', 'book'])
  })
}

test('typeorm writes and queries', async t => {
  const source = await filled(t)
  const authors = await source.getRepository(Author)
    .find({ relations: { books: true }, order: { books: { title: 'ASC' } } })
  assert.equal(authors.length, 1)
  assert.equal(authors[0].born.toISOString(), '1815-12-10T00:00:00.000Z')
  assert.deepEqual(authors[0].tags, ['a', { b: 1 }])
  assert.deepEqual(authors[0].books.map(({ title, price, cover }) => ({ title, price, cover })), [
    { title: 'Größe', price: 2, cover: null }, { title: 'Notes', price: 1.5, cover: Buffer.from([1, 0, 2]) }
  ])
  const { affected } = await source.createQueryBuilder().update(Book).set({ price: () => 'price * 2' })
    .where('price > :least', { least: 1 }).execute()
  assert.equal(affected, 2)
  const { sum } = await source.createQueryBuilder(Book, 'book').select('SUM(book.price)', 'sum').getRawOne()
  assert.equal(sum, 7)
  await source.getRepository(Author).delete({ name: 'Ada' })
  assert.equal(await source.getRepository(Book).count(), 0)
})

test('typeorm commits a transaction, and rolls one back', async t => {
  const source = await filled(t)
  await source.transaction(async manager => {
    await manager.save(Author, { name: 'Grace' })
    await manager.transaction(inner => inner.save(Author, { name: 'Nested' }))
  })
  const reason = new Error('no')
  await assert.rejects(source.transaction(async manager => {
    await manager.save(Author, { name: 'Lost' })
    throw reason
  }), reason)
  const names = (await source.getRepository(Author).find({ order: { id: 'ASC' } })).map(author => author.name)
  assert.deepEqual(names, ['Ada', 'Grace', 'Nested'])
})

test('typeorm hears of errors with their codes', async t => {
  const source = await filled(t)
  await assert.rejects(source.getRepository(Author).insert({ name: 'Ada' }), error => {
    assert.ok(error instanceof QueryFailedError)
    assert.equal(error.driverError.code, 'SQLITE_CONSTRAINT')
    return true
  })
})

test('typeorm closes, and opens the file again', async t => {
  const source = await filled(t)
  await source.destroy()
  const again = await open(t, { database: source.options.database })
  assert.equal(await again.getRepository(Book).count(), 2)
})
