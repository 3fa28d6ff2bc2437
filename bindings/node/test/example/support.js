'use strict'
// The server, started as a user starts it, and what is asked of it.

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { once } = require('node:events')
const { test } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')

const ROOT = path.join(__dirname, '..', '..', '..', '..')
const SERVER = path.join(ROOT, 'examples', 'node', 'server.js')
const HANG_MS = 120_000

// How a child ended, and what it printed. One that hangs is killed, and so does not end with a code.
async function ended (child) {
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr']) child[name].on('data', data => { output[name] += data })
  const timer = setTimeout(() => child.kill('SIGKILL'), HANG_MS)
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  return { code, signal, ...output }
}

// A server of this test's own. Its temporary files are below `folder`.
class Server {
  static async start (t, port = '0') {
    const server = new Server()
    server.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sidelite-example-'))
    const env = { ...process.env, TMPDIR: server.folder }
    server.child = spawn(process.execPath, [SERVER, port], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    server.ended = ended(server.child)
    t.after(async () => {
      server.child.kill('SIGKILL')
      await server.ended
      fs.rmSync(server.folder, { recursive: true, force: true })
    })
    const [line] = await Promise.race([once(server.child.stdout, 'data'), server.ended.then(() => [''])])
    server.url = String(line).trim()
    return server
  }

  fetch (address, options) { return fetch(this.url + address, options) }

  async json (address, options) { return (await this.fetch(address, options)).json() }

  // All lines of a report.
  async report (people, options) {
    const text = await (await this.fetch(`report?people=${people}`, options)).text()
    return text.trimEnd().split('\n').map(line => JSON.parse(line))
  }

  // A report of which the first piece has come: it runs.
  async begin (people) {
    const controller = new AbortController()
    const response = await this.fetch(`report?people=${people}`, { signal: controller.signal })
    assert.equal(response.status, 200)
    const reader = response.body.getReader()
    await reader.read()
    return { controller, reader }
  }

  // That it ends in order: with 0, without a word, and leaving nothing behind.
  async stopsBy (signal) {
    this.child.kill(signal)
    const { stdout, ...how } = await this.ended
    assert.deepEqual(how, { code: 0, signal: null, stderr: '' })
    assert.equal(stdout, `${this.url}\n`)
    assert.deepEqual(fs.readdirSync(this.folder), [])
  }
}

function check (name, body) {
  test(name, { timeout: HANG_MS }, async t => body(await Server.start(t), t))
}

async function until (condition) {
  while (!await condition()) await sleep(20) // the test's own timeout ends it
}

module.exports = { Server, assert, check, test, until, HANG_MS, ROOT }
