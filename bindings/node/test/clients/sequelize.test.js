'use strict'
// sequelize: models, a migration by its query interface, associations, transactions, errors. Once as it finds sqlite3
// by itself, and once as it is given one.

const test = require('node:test')
const assert = require('node:assert/strict')
const { Sequelize, DataTypes, Op, Transaction, UniqueConstraintError, ForeignKeyConstraintError } = require('sequelize')
const { sqlite3, temporaryFile } = require('./support')

function define (sequelize) {
  const Author = sequelize.define('Author', {
    name: { type: DataTypes.STRING, allowNull: false, unique: true },
    tags: DataTypes.JSON,
    born: DataTypes.DATE,
    isAlive: { type: DataTypes.BOOLEAN, defaultValue: false }
  })
  const Book = sequelize.define('Book', { title: DataTypes.STRING, price: DataTypes.DOUBLE, cover: DataTypes.BLOB })
  Author.hasMany(Book, { as: 'books', foreignKey: { name: 'authorId', allowNull: false }, onDelete: 'CASCADE' })
  Book.belongsTo(Author, { as: 'author', foreignKey: 'authorId' })
  return { Author, Book }
}

async function open (t, options = {}) {
  const sequelize = new Sequelize({ dialect: 'sqlite', storage: temporaryFile(t), logging: false, ...options })
  t.after(() => sequelize.close())
  const models = define(sequelize)
  await sequelize.sync()
  return { sequelize, ...models }
}

async function filled (t, options) {
  const all = await open(t, options)
  await all.Author.create({
    name: 'Ada',
    tags: ['a', { b: 1 }],
    born: new Date('1815-12-10T00:00:00.000Z'),
    isAlive: false,
    books: [{ title: 'Notes', price: 1.5, cover: Buffer.from([1, 0, 2]) }, { title: 'Größe', price: 2 }]
  }, { include: 'books' })
  return all
}

for (const [name, options] of [['finds', {}], ['is given', { dialectModule: sqlite3 }]]) {
  test(`sequelize writes and queries on the sqlite3 that it ${name}`, async t => {
    const { Author, Book } = await filled(t, options)
    const ada = await Author.findOne({ where: { name: 'Ada' }, include: 'books', order: [['books', 'title', 'ASC']] })
    assert.deepEqual(ada.tags, ['a', { b: 1 }])
    assert.equal(ada.born.toISOString(), '1815-12-10T00:00:00.000Z')
    assert.equal(ada.isAlive, false)
    assert.deepEqual(ada.books.map(({ title, price, cover }) => ({ title, price, cover })), [
      { title: 'Größe', price: 2, cover: null }, { title: 'Notes', price: 1.5, cover: Buffer.from([1, 0, 2]) }
    ])
    assert.deepEqual(await Book.update({ price: 9 }, { where: { price: { [Op.lt]: 2 } } }), [1])
    assert.equal(await Book.sum('price'), 11)
    await ada.destroy()
    assert.equal(await Book.count(), 0)
  })
}

test('sequelize migrates', async t => {
  const { sequelize } = await filled(t)
  const queries = sequelize.getQueryInterface()
  await queries.addColumn('Books', 'language', { type: DataTypes.STRING, defaultValue: 'en' })
  await queries.renameColumn('Books', 'price', 'cost')
  await queries.changeColumn('Books', 'title', { type: DataTypes.STRING, allowNull: false })
  await queries.addIndex('Books', ['title'])
  const columns = await queries.describeTable('Books')
  assert.equal(columns.title.allowNull, false)
  const [rows] = await sequelize.query('SELECT title, cost, language FROM Books ORDER BY title')
  assert.deepEqual(rows, [{ title: 'Größe', cost: 2, language: 'en' }, { title: 'Notes', cost: 1.5, language: 'en' }])
})

test('sequelize commits a transaction, and rolls one back', async t => {
  const { sequelize, Author } = await filled(t)
  await sequelize.transaction({ type: Transaction.TYPES.IMMEDIATE }, async transaction => {
    const [, isNew] = await Author.findOrCreate({ where: { name: 'Grace' }, transaction })
    assert.equal(isNew, true)
    await Author.bulkCreate([{ name: 'B' }, { name: 'C' }], { transaction })
  })
  const reason = new Error('no')
  await assert.rejects(sequelize.transaction(async transaction => {
    await Author.create({ name: 'Lost' }, { transaction })
    throw reason
  }), reason)
  assert.deepEqual((await Author.findAll({ order: ['id'] })).map(author => author.name), ['Ada', 'Grace', 'B', 'C'])
})

test('sequelize hears of errors as its own', async t => {
  const { Author, Book } = await filled(t)
  await assert.rejects(Author.create({ name: 'Ada' }), error => {
    assert.ok(error instanceof UniqueConstraintError)
    assert.deepEqual(error.fields, ['name'])
    return true
  })
  await assert.rejects(Book.create({ title: 'x', authorId: 99 }), ForeignKeyConstraintError)
})
