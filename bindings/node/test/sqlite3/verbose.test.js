'use strict'
// Long stack traces; in a file of its own, as there is no way back from verbose().

const test = require('node:test')
const assert = require('node:assert/strict')
const sqlite3 = require('../../sqlite3')

test('verbose() gives the module, and errors the stack of their call', async () => {
  assert.equal(sqlite3.verbose(), sqlite3)
  assert.equal(sqlite3.verbose(), sqlite3)
  const db = new sqlite3.Database(':memory:')
  for (const method of ['run', 'get', 'all']) {
    const error = await new Promise(resolve => (function caller () { db[method]('SELECT missing', resolve) })())
    assert.equal(error.message, 'SQLITE_ERROR: no such column: missing')
    assert.match(error.stack, /^Error: SQLITE_ERROR: no such column: missing\n[^]*at caller [^]*verbose\.test\.js/)
    assert.match(error.stack, new RegExp(`--> in Database#${method}\\('SELECT missing', \\[Function`))
    assert.equal(error.stack.split('--> in').length, 2)
    assert.doesNotMatch(error.stack, /lib.sqlite3.trace\.js/)
  }
  const { stack } = await new Promise(resolve => db.exec('SELEC 1', resolve))
  assert.match(stack, /--> in Database#exec\('SELEC 1', \[Function/)
  const rows = await new Promise(resolve => db.all('SELECT ? AS a', 5, (_, rows) => resolve(rows)))
  assert.deepEqual(rows, [{ a: 5 }])
  await new Promise(resolve => db.close(resolve))
})
