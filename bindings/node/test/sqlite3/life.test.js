'use strict'
/* global sqlite3, entry */
// Ends of processes, threads and databases, with work out: each in a process of its own.

const test = require('node:test')
const assert = require('node:assert/strict')
const path = require('node:path')
const { execFile } = require('node:child_process')

const ENTRY = path.join(__dirname, '..', '..', 'sqlite3.js')

function run (body, ...flags) {
  const script = `const entry = ${JSON.stringify(ENTRY)}; const sqlite3 = require(entry); (${body})()`
  return new Promise(resolve => {
    execFile(process.execPath, [...flags, '-e', script], { timeout: 60000 }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code ?? error.signal : 0, out: stdout.trim().split('\n'), stderr }))
  })
}

test('an open database does not keep the process alive', async () => {
  const { code, out } = await run(() => {
    const db = new sqlite3.Database(':memory:')
    db.on('trace', () => {})
    const statement = db.prepare('SELECT 1 AS one')
    statement.get((_, row) => console.log(row.one))
  })
  assert.deepEqual({ code, out }, { code: 0, out: ['1'] })
})

test('what is out is waited for', async () => {
  const { code, out } = await run(() => {
    const db = new sqlite3.Database(':memory:')
    db.serialize(() => {
      db.run('CREATE TABLE t(a)')
      for (let i = 0; i < 100; i++) db.run('INSERT INTO t VALUES (1)')
      db.each('SELECT count(*) AS n FROM t', (_, row) => console.log(row.n))
      db.close(() => console.log('closed'))
    })
  })
  assert.deepEqual({ code, out }, { code: 0, out: ['100', 'closed'] })
})

test('an exception in a callback is an uncaught exception, and nobody else loses a call', async () => {
  const { code, out } = await run(() => {
    process.on('uncaughtException', error => console.log('uncaught', error.message))
    const db = new sqlite3.Database(':memory:')
    const fail = name => () => { throw new Error(name) }
    db.serialize(() => {
      db.run('SELECT 1', fail('run'))
      db.get('SELECT 1', fail('get'))
      db.all('SELECT 1', fail('all'))
      db.each('SELECT 1 UNION SELECT 2', fail('each'), fail('complete'))
      db.exec('SELECT 1', fail('exec'))
      const statement = db.prepare('SELECT 1', fail('prepare'))
      statement.run(fail('statement'))
      statement.reset(fail('reset'))
      statement.finalize(fail('finalize'))
      db.run('SELEC 1')
      db.exec('SELEC 2')
      db.wait(fail('wait'))
      db.all('SELECT 5 AS five', (_, rows) => console.log(rows[0].five))
      db.close(() => {
        console.log('closed')
        throw new Error('close')
      })
    })
  })
  assert.equal(code, 0)
  const syntax = 'SQLITE_ERROR: near "SELEC": syntax error'
  const thrown = ['run', 'get', 'all', 'each', 'each', 'complete', 'exec', 'prepare', 'statement', 'reset', 'finalize',
    syntax, syntax, 'wait']
  assert.deepEqual(out, [...thrown.map(name => `uncaught ${name}`), '5', 'closed', 'uncaught close'])
})

test('an error that nobody hears ends the process', async () => {
  const { code, stderr } = await run(() => {
    new sqlite3.Database(':memory:').run('SELEC 1')
  })
  assert.equal(code, 1)
  assert.match(stderr, /SQLITE_ERROR: near "SELEC": syntax error/)
})

test('process.exit with work out', async () => {
  const { code } = await run(() => {
    const db = new sqlite3.Database(':memory:')
    const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT '
    db.all(`${endless} max(x) FROM c`)
    db.each(`${endless} x FROM c`, () => {})
    setTimeout(() => process.exit(7), 50)
  })
  assert.equal(code, 7)
})

test('a worker is terminated with work out', async () => {
  const { code, out } = await run(() => {
    const { Worker } = require('node:worker_threads')
    const worker = new Worker(`
      const { parentPort, workerData } = require('node:worker_threads')
      const sqlite3 = require(workerData)
      const db = new sqlite3.Database(':memory:', () => parentPort.postMessage('open'))
      db.each('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c', () => {})
    `, { eval: true, workerData: entry })
    worker.on('message', () => setTimeout(() => worker.terminate().then(code => console.log('terminated', code)), 50))
  })
  assert.deepEqual({ code, out }, { code: 0, out: ['terminated 1'] })
})

test('databases and statements that are collected leave nothing', async () => {
  const { code, out } = await run(async () => {
    const fs = require('node:fs')
    const threads = () => fs.readdirSync('/proc/self/task').length
    const turn = () => new Promise(resolve => setTimeout(resolve, 10))
    const db = new sqlite3.Database(':memory:')
    await new Promise(resolve => db.wait(resolve))
    const before = threads()
    for (let i = 0; i < 20; i++) await new Promise(resolve => new sqlite3.Database(':memory:', resolve))
    for (let i = 0; i < 20; i++) {
      const statement = db.prepare('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c')
      await new Promise(resolve => statement.get(resolve))
    }
    // Not finalized, but gone.
    for (let i = 0; i < 500 && threads() > before; i++) {
      global.gc()
      await turn()
    }
    console.log(threads() <= before)
    let error = true
    for (let i = 0; i < 500 && error; i++) {
      global.gc()
      await turn()
      error = await new Promise(resolve => db.close(resolve))
    }
    console.log(error)
  }, '--expose-gc')
  assert.deepEqual({ code, out }, { code: 0, out: ['true', 'null'] })
})
