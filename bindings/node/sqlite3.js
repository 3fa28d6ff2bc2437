'use strict'
// In place of the package `sqlite3`: require('sidelite/sqlite3').

const path = require('node:path')
const constants = require('./lib/sqlite3/constants')
const { Database } = require('./lib/sqlite3/database')
const { Statement } = require('./lib/sqlite3/statement')
const { Backup } = require('./lib/sqlite3/backup')
const trace = require('./lib/sqlite3/trace')

const sqlite3 = module.exports = { Database, Statement, Backup }

constants.define(sqlite3)

// One Database for each file, however often it is asked for.
sqlite3.cached = {
  Database: function (file, mode, callback) {
    if (file === '' || file === ':memory:') return new Database(file, mode, callback)
    file = path.resolve(file)
    const { objects } = sqlite3.cached
    if (!objects[file]) return (objects[file] = new Database(file, mode, callback))
    const database = objects[file]
    const opened = typeof mode === 'number' ? callback : mode
    if (typeof opened === 'function') {
      const tell = () => opened.call(database, null)
      if (database.open) process.nextTick(tell)
      else database.once('open', tell)
    }
    return database
  },
  objects: {}
}

sqlite3.verbose = function () {
  trace.verbose(sqlite3)
  return sqlite3
}
