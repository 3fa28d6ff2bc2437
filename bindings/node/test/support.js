'use strict'
// What the tests need: a connection for each, files that go away, and children that may die.

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const sidelite = require('..')

const PACKAGE = path.join(__dirname, '..')
const HANG_MS = 120_000

// A folder for the files of one test.
function scratch (t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sidelite-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

// Runs body(db, t) with a connection to memory, after which nothing may be left out.
function check (name, options, body = options) {
  test(name, { timeout: HANG_MS }, async t => {
    const db = await sidelite.open(':memory:', typeof options === 'function' ? {} : options)
    await body(db, t)
    if (!db.isOpen) return
    assert.equal(db.statistics().outstanding, db.observer.count, 'requests are left out')
    await db.close()
  })
}

// The error of a promise that must be rejected.
async function failure (promise, code) {
  const error = await promise.then(() => assert.fail('it was not rejected'), error => error)
  if (code !== undefined) assert.equal(error.code, code, error.message)
  return error
}

// Runs a program of Node's in a process of its own: how it ended, and what it printed.
function child (source, ...flags) {
  const stdio = ['ignore', 'pipe', 'pipe']
  const process_ = spawn(process.execPath, [...flags, '-e', source], { cwd: PACKAGE, stdio })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr']) process_[name].on('data', data => { output[name] += data })
  const timer = setTimeout(() => process_.kill('SIGKILL'), HANG_MS)
  return new Promise(resolve => process_.on('close', (code, signal) => {
    clearTimeout(timer)
    resolve({ code, signal, ...output })
  }))
}

async function until (condition) {
  for (const begin = Date.now(); !await condition();) {
    assert.ok(Date.now() - begin < HANG_MS, 'it does not come')
    await sleep(5)
  }
}

const iterate = iterable => iterable[Symbol.asyncIterator]()

// Queries without end, for one row and for any number of rows; and one for so many.
const ENDLESS = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
const NUMBERS = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'
const series = n => `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${n}) SELECT i FROM n`

module.exports = {
  ...sidelite, assert, test, check, failure, iterate, child, until, sleep, scratch, series, ENDLESS,
  NUMBERS, HANG_MS, PACKAGE
}
