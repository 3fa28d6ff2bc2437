'use strict'
// `npm install`: nothing where a binary for this platform is in the package, else a build from the checkout around it,
// with cargo and with the headers of the Node that runs. Nothing but cargo's crates is downloaded.

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const checkout = path.join(root, '..', '..')
const library = path.join('build', 'static', 'libsidelite.a')

class Missing extends Error {}

function run (command, args, cwd) {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
}

function hasPrebuilt () {
  const { shipped } = require('../lib/native-files')
  const file = shipped(root)
  if (!file) return false
  try {
    require(file)
    return true
  } catch (error) {
    console.log(`sidelite: ${path.relative(root, file)} does not load: ${error.message}`)
    return false
  }
}

function need (command, args, advice) {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
  } catch {
    throw new Missing(`${command} is missing: ${advice}`)
  }
}

function checkTools () {
  if (!fs.existsSync(path.join(checkout, 'Cargo.toml'))) {
    throw new Missing(`there is no binary for ${process.platform}-${process.arch} in this package, and no source ` +
      'around it; install from a checkout of sidelite: npm install <checkout>/bindings/node')
  }
  need('cargo', ['--version'], 'install Rust 1.95 or newer, see rustup.rs')
  need('cc', ['--version'], 'install a C compiler, on Debian the package build-essential')
  need('make', ['--version'], 'install GNU make, on Debian the package build-essential')
  need('python3', ['--version'], 'node-gyp wants Python 3, on Debian the package python3')
}

// Where include/node/node_api.h lies: as npm was told, or beside the Node that runs.
function headers () {
  const folder = process.env.npm_config_nodedir || path.join(path.dirname(process.execPath), '..')
  if (fs.existsSync(path.join(folder, 'include', 'node', 'node_api.h'))) return folder
  const file = path.join(folder, 'include', 'node', 'node_api.h')
  throw new Missing(`the headers of Node are missing: no ${file}; on Debian ` +
    'install the package libnode-dev, or set npm_config_nodedir to the folder of a Node with include/')
}

// npm says where its node-gyp is to scripts that it runs.
function nodeGyp () {
  const beside = path.join(path.dirname(fs.realpathSync(process.execPath)), '..')
  const places = [
    process.env.npm_config_node_gyp,
    path.join(beside, 'lib', 'node_modules', 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'),
    path.join(beside, 'share', 'nodejs', 'node-gyp', 'bin', 'node-gyp.js')
  ]
  const found = places.find(place => place && fs.existsSync(place))
  if (found) return found
  throw new Missing('node-gyp is missing: it comes with npm; or set npm_config_node_gyp to its bin/node-gyp.js')
}

function build () {
  checkTools()
  const nodedir = headers()
  const gyp = nodeGyp()
  run('make', ['--no-print-directory', library], checkout)
  run(process.execPath, [gyp, 'rebuild', `--nodedir=${nodedir}`, '--loglevel=warn'], root)
}

try {
  if (!hasPrebuilt()) build()
} catch (error) {
  console.error(`sidelite: ${error instanceof Missing ? error.message : `the build has failed: ${error.message}`}`)
  process.exitCode = 1
}
