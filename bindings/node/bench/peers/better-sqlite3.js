'use strict'

const Sqlite = require('better-sqlite3')

class Database {
  constructor (path) { this.db = new Sqlite(path) }

  run (sql, values = []) {
    const statement = this.db.prepare(sql)
    if (statement.reader) statement.all(...values)
    else statement.run(...values)
  }

  insertAll (sql, n, row) {
    const insert = this.inserter(sql)
    this.db.transaction(() => {
      for (let i = 0; i < n; i++) insert(row(i))
    })()
  }

  insertEach (sql, body) {
    const insert = this.inserter(sql)
    this.db.transaction(() => body(insert))()
  }

  inserter (sql) {
    const statement = this.db.prepare(sql)
    return row => statement.run(row)
  }

  reader (sql) {
    const statement = this.db.prepare(sql)
    return id => statement.get(id)
  }

  all (sql) { return this.db.prepare(sql).all() }

  forEach (sql, take) {
    for (const row of this.db.prepare(sql).iterate()) take(row)
  }

  close () { this.db.close() }
}

module.exports = { blocks: true, open: path => new Database(path) }
