'use strict'

const sqlite3 = require('sqlite3')

// More rows in one statement make it no faster.
const BATCH = 32

function call (object, method, ...values) {
  return new Promise((resolve, reject) => {
    object[method](...values, (error, value) => error ? reject(error) : resolve(value))
  })
}

class Database {
  #statements = [] // to be finalized before it can be closed

  constructor (db) { this.db = db }

  run (sql, values = []) { return call(this.db, 'run', sql, values) }

  async insertAll (sql, n, row) {
    const last = n % BATCH
    await this.run('BEGIN')
    await this.#insertBatches(sql, BATCH, 0, n - last, row)
    if (last) await this.#insertBatches(sql, last, n - last, n, row)
    await this.run('COMMIT')
  }

  async #insertBatches (sql, size, begin, end, row) {
    const [head, one] = sql.split(' VALUES ')
    const statement = this.#prepare(`${head} VALUES ${Array(size).fill(one).join()}`)
    for (let i = begin; i < end; i += size) {
      await call(statement, 'run', Array.from({ length: size }, (_, j) => row(i + j)).flat())
    }
  }

  async insertEach (sql, body) {
    await this.run('BEGIN')
    await body(this.inserter(sql))
    await this.run('COMMIT')
  }

  inserter (sql) {
    const statement = this.#prepare(sql)
    return row => call(statement, 'run', row)
  }

  reader (sql) {
    const statement = this.#prepare(sql)
    return id => call(statement, 'get', id)
  }

  all (sql) { return call(this.db, 'all', sql) }

  forEach (sql, take) {
    return new Promise((resolve, reject) => {
      this.db.each(sql, (_, row) => take(row), error => error ? reject(error) : resolve())
    })
  }

  async close () {
    for (const statement of this.#statements) await call(statement, 'finalize')
    await call(this.db, 'close')
  }

  #prepare (sql) {
    const statement = this.db.prepare(sql)
    this.#statements.push(statement)
    return statement
  }
}

function open (path) {
  return new Promise((resolve, reject) => {
    const db = new sqlite3.Database(path, error => error ? reject(error) : resolve(new Database(db)))
  })
}

module.exports = { blocks: false, open }
