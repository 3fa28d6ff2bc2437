'use strict'
// What the README shows is run, and prints what it says.
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const sidelite = require('..')
const { assert, test, open, scratch, HANG_MS, PACKAGE } = require('./support')

const run = promisify(execFile)
const AsyncFunction = (async () => {}).constructor
const readme = fs.readFileSync(path.join(PACKAGE, 'README.md'), 'utf8')

const PEOPLE = `CREATE TABLE person(name TEXT UNIQUE, born INTEGER);
  INSERT INTO person VALUES ('Ada Lovelace', 1815), ('Grace Hopper', 1906), ('Alan Turing', 1912)`

// The blocks of a language, with what is printed: all of it in a block that follows, or in comments, line by line.
function blocks (language) {
  const found = readme.matchAll(/```(\w+)\n([^]*?)```(?:\n\nIt prints\n\n```text\n([^]*?)```)?/g)
  const printed = code => Array.from(code.matchAll(/console\.log\(.* \/\/ (.*)/g), ([, text]) => `${text}\n`).join('')
  return Array.from(found, ([, name, code, output]) => ({ name, code, output: output ?? printed(code) }))
    .filter(({ name }) => name === language)
}

// A folder in which programs find the package by its name.
function project (t) {
  const folder = scratch(t)
  fs.mkdirSync(path.join(folder, 'node_modules'))
  fs.symlinkSync(PACKAGE, path.join(folder, 'node_modules', 'sidelite'), 'dir')
  return folder
}

// What is no program by itself stands in an async function, as the README says; it has come to its end.
function toProgram (code) {
  if (code.includes("'sidelite'")) return code
  return `
    const { open, zeroBlob } = require('sidelite')
    process.exitCode = 1
    open(':memory:').then(async db => {
      await db.script(${JSON.stringify(PEOPLE)})
      await (async () => {\n${code}\n})()
      await db.close()
      process.exitCode = 0
    })`
}

test('programs_print_what_they_say', { timeout: 5 * HANG_MS }, async t => {
  const programs = blocks('js')
  assert.ok(programs.length > 10)
  assert.equal(programs[0].output, 'Ada Lovelace, 1815\n')
  for (const { code, output } of programs) {
    const folder = project(t)
    const file = path.join(folder, code.startsWith('import ') ? 'program.mjs' : 'program.cjs')
    fs.writeFileSync(file, toProgram(code))
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder }).catch(error => error)
    assert.deepEqual([stdout, stderr], [output, ''], code)
  }
})

test('programs_in_typescript_are_right', { timeout: 5 * HANG_MS }, async t => {
  const folder = project(t)
  const programs = blocks('ts')
  assert.ok(programs.length > 0)
  programs.forEach(({ code }, i) => fs.writeFileSync(path.join(folder, `program${i}.mts`), code))
  const config = require('./types/tsconfig.json')
  config.compilerOptions.typeRoots = [path.join(PACKAGE, 'node_modules', '@types')]
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = path.join(PACKAGE, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = await run(process.execPath, [tsc, '--project', folder]).catch(error => error)
  assert.equal(stdout, '')
})

// The rows of the table whose first column has this name: the code in each of their cells.
function cells (name) {
  const table = readme.slice(readme.indexOf(`\n| ${name} | sidelite |\n`)).split('\n\n')[0]
  const rows = table.trim().split('\n').slice(2).map(row => row.slice(2, -2).split(' | '))
  return rows.map(row => row.map(cell => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code]) => code)))
}

// Runs code of a table, each piece with a database and a folder of its own.
async function each (t, column, pieces, connect) {
  assert.ok(pieces.length > 10)
  for (const code of pieces) {
    const folder = scratch(t)
    const file = path.join(folder, 'people.db')
    const people = await open(file)
    await people.script(PEOPLE)
    await people.close()
    const names = {
      path: file,
      copy: path.join(folder, 'copy.db'),
      sql: 'SELECT name, born FROM person WHERE born > ?',
      text: 'DELETE FROM person; DROP TABLE person',
      signal: new AbortController().signal,
      use () {},
      ...await connect(file)
    }
    const call = new AsyncFunction(...Object.keys(names), code)
    await assert.doesNotReject(call(...Object.values(names)), `${column}: ${code}`)
    await names.end()
  }
}

// What the code itself opens is left to the garbage collector.
async function connect (file) {
  const db = await open(file)
  return { ...sidelite, db, end: () => db.close() }
}

for (const name of ['node-sqlite3', 'better-sqlite3']) {
  test(`code_for_those_who_come_from_${name}`, { timeout: HANG_MS }, t =>
    each(t, 'sidelite', cells(name).flatMap(([, ours]) => ours), connect))
}

test('code_of_node-sqlite3', { timeout: HANG_MS }, t => {
  const sqlite3 = require('../sqlite3')
  return each(t, 'node-sqlite3', cells('node-sqlite3').flatMap(([theirs]) => theirs), async file => {
    const failures = []
    const callback = error => { if (error) failures.push(error) }
    const db = await new Promise(resolve => { const made = new sqlite3.Database(file, () => resolve(made)) })
    const end = async () => {
      await new Promise(resolve => { db.wait(resolve) })
      assert.deepEqual(failures, [])
    }
    return { sqlite3, db, callback, end }
  })
})

// Is there when the benchmark has built it.
test('code_of_better-sqlite3', { timeout: HANG_MS }, t => {
  const folder = path.join(PACKAGE, 'bench', 'node_modules', 'better-sqlite3')
  if (!fs.existsSync(path.join(folder, 'build', 'Release', 'better_sqlite3.node'))) return t.skip('it is not built')
  const Database = require(folder)
  return each(t, 'better-sqlite3', cells('better-sqlite3').flatMap(([theirs]) => theirs), file => {
    const db = new Database(file)
    return { Database, db, end: () => db.close() }
  })
})
