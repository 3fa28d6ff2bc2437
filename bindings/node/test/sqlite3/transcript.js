'use strict'
// Runs a case and writes down what it hears.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

// Values as text, with what JSON would lose.
function shown (value) {
  if (value instanceof Error) {
    const { message, errno, code } = value
    return { error: value.constructor.name, message, errno, code }
  }
  if (Buffer.isBuffer(value)) return { buffer: value.toString('hex') }
  if (Array.isArray(value)) return value.map(shown)
  if (Object.is(value, -0)) return { number: '-0' }
  if (typeof value === 'number' && !Number.isFinite(value)) return { number: String(value) }
  if (value === undefined) return { undefined: true }
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shown(member)]))
}

function recorder (lines) {
  const write = (name, what, args) => lines.push(JSON.stringify([name, ...what, ...args.map(shown)]))
  const log = (name, then) => function (...args) {
    write(name, [this?.constructor?.name ?? '', this?.sql ?? ''], args)
    then?.()
  }
  // Without `this`.
  log.bare = (name, then) => (...args) => {
    write(name, [], args)
    then?.()
  }
  // With members of `this` in place of it.
  log.members = (...members) => name => function (...args) { write(name, members.map(member => this[member]), args) }
  log.note = value => write('note', [], [value])
  return log
}

async function run (sqlite3, body) {
  const lines = []
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sidelite-sqlite3-'))
  try {
    await body(sqlite3, recorder(lines), folder)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  return lines.map(line => line.replaceAll(folder, '<folder>'))
}

module.exports = { run }
