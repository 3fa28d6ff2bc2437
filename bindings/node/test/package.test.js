'use strict'
// The package as others see it: its types, its entries, what it ships, and its installation.
const { execFile, execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { assert, test, scratch, PACKAGE } = require('./support')

const run = promisify(execFile)
const addon = path.join(PACKAGE, 'build', 'Release', 'sidelite.node')
// The run of the tests names an addon, which is not to be used here.
const env = { ...process.env, SIDELITE_ADDON: '' }
const manifest = require('../package.json')

test('types_are_right', { timeout: 300_000 }, async () => {
  const tsc = path.join(PACKAGE, 'node_modules', 'typescript', 'bin', 'tsc')
  const args = [tsc, '--project', path.join(__dirname, 'types')]
  const { stdout } = await run(process.execPath, args).catch(error => error)
  assert.equal(stdout, '')
})

test('types_name_all_that_there_is', () => {
  const types = fs.readFileSync(path.join(PACKAGE, 'index.d.ts'), 'utf8')
  const exported = [...types.matchAll(/^export (?:function|class|const) (\w+)/gm)].map(([, name]) => name)
  assert.deepEqual([...new Set(exported)].sort(), Object.keys(require('..')).sort())
  const { Connection, Statement } = require('..')
  const methods = [Connection, Statement].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype))
  for (const method of methods) {
    if (!['handle', 'check'].includes(method)) assert.match(types, new RegExp(`\\b${method}\\b`), method)
  }
})

test('modules_have_the_same_names', async () => {
  const { default: _, ...names } = await import('../index.mjs')
  assert.deepEqual(Object.keys(names).sort(), Object.keys(require('..')).sort())
  for (const [name, value] of Object.entries(names)) assert.equal(value, require('..')[name])
})

test('package_has_what_it_needs_and_no_more', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: PACKAGE })
  const files = JSON.parse(stdout)[0].files.map(file => file.path)
  const entries = ['index.js', 'index.mjs', 'index.d.ts', 'binding.gyp', 'package.json']
  for (const entry of [...entries, 'src/addon.c', 'scripts/install.js', 'lib/client.js']) {
    assert.ok(files.includes(entry), entry)
  }
  const allowed = [...entries, 'sqlite3.js', 'sqlite3.d.ts', 'README.md']
  const isAllowed = file => allowed.includes(file) || /^(lib|src|scripts|prebuilds)\//.test(file)
  assert.deepEqual(files.filter(file => !isAllowed(file)), [])
  const cargo = fs.readFileSync(path.join(PACKAGE, '..', '..', 'Cargo.toml'), 'utf8')
  assert.equal(manifest.version, cargo.match(/^version = "(.*)"/m)[1])
})

// As `npm install ./bindings/node` from another folder: the scripts run as npm runs them.
test('package_is_installed_from_a_checkout', { timeout: 600_000 }, async t => {
  const folder = scratch(t)
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "name": "other", "private": true }')
  const before = fs.statSync(addon).mtimeMs
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', PACKAGE], { cwd: folder })
  assert.notEqual(fs.statSync(addon).mtimeMs, before)
  const print = "open(':memory:').then(db => db.get('SELECT 1 AS x')).then(({ x }) => console.log(x))"
  const node = (...args) => execFileSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' })
  assert.equal(node('-e', `const { open } = require('sidelite'); ${print}`), '1\n')
  assert.equal(node('--input-type=module', '-e', `import { open } from 'sidelite'; ${print}`), '1\n')
})

// A package without its checkout around it, as from a registry.
function unpack (t) {
  const folder = path.join(scratch(t), 'sidelite')
  for (const name of ['lib', 'scripts', 'src', 'index.js', 'package.json', 'binding.gyp']) {
    fs.cpSync(path.join(PACKAGE, name), path.join(folder, name), { recursive: true })
  }
  return folder
}

const install = (folder, variables) => {
  const script = path.join(folder, 'scripts', 'install.js')
  return run(process.execPath, [script], { env: { ...env, ...variables } }).catch(error => error)
}

test('package_with_a_binary_for_this_platform_builds_nothing', async t => {
  const folder = unpack(t)
  const { shippedName } = require('../lib/native-files')
  const file = path.join(folder, shippedName())
  assert.match(shippedName(), /^prebuilds\/linux-(x64|arm64)\/sidelite\.napi\.glibc\.node$/)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.copyFileSync(addon, file)
  assert.deepEqual(await install(folder), { stdout: '', stderr: '' })
  const source = `require(${JSON.stringify(folder)}).open(':memory:').then(db => db.get('SELECT 3 AS x'))
    .then(({ x }) => console.log(x))`
  assert.equal(execFileSync(process.execPath, ['-e', source], { env, encoding: 'utf8' }), '3\n')
  fs.writeFileSync(file, 'no binary')
  assert.match((await install(folder)).stdout, /does not load/)
})

test('package_without_one_says_what_is_missing', async t => {
  const folder = unpack(t)
  const { code, stderr } = await install(folder)
  assert.equal(code, 1)
  assert.match(stderr, /^sidelite: there is no binary for .* install from a checkout/)
  const source = `require(${JSON.stringify(folder)})`
  const failed = await run(process.execPath, ['-e', source], { env }).catch(error => error)
  assert.match(failed.stderr, /no addon for .* run `npm install`/)
  assert.match((await install(PACKAGE, { PATH: '/nowhere' })).stderr, /^sidelite: cargo is missing: install Rust/)
  const headers = await install(PACKAGE, { npm_config_nodedir: '/nowhere' })
  assert.match(headers.stderr, /^sidelite: the headers of Node are missing/)
})
