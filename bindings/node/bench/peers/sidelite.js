'use strict'

const { open } = require('../..')

const BATCH = 1000

class Database {
  constructor (db) { this.db = db }

  run (sql, values) { return this.db.run(sql, values) }

  // Inserts rows 0 to `n`, of which `row(i)` is one, by the way that is made for many.
  insertAll (sql, n, row) {
    return this.db.transaction(async tx => {
      for (let i = 0; i < n; i += BATCH) {
        await tx.runMany(sql, Array.from({ length: Math.min(BATCH, n - i) }, (_, j) => row(i + j)))
      }
    })
  }

  // `body` gets a function that inserts one row, as a request of its own.
  insertEach (sql, body) {
    return this.db.transaction(tx => body(row => tx.run(sql, row)))
  }

  inserter (sql) { return row => this.db.run(sql, row) }

  reader (sql) { return id => this.db.get(sql, [id]) }

  all (sql) { return this.db.all(sql) }

  async forEach (sql, take) {
    for await (const row of this.db.stream(sql)) take(row)
  }

  close () { return this.db.close() }
}

module.exports = { blocks: false, open: async path => new Database(await open(path)) }
