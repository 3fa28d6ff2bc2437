'use strict'
// A database file of its own for each test, and the certainty that it is sidelite that the program runs on.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const sqlite3 = require('sqlite3')

// The stand-in's name leads to this tree, and no other sqlite3 can be found.
assert.equal(sqlite3, require('../../sqlite3'))

function temporaryFile (t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sidelite-clients-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return path.join(folder, 'test.db')
}

module.exports = { sqlite3, temporaryFile }
