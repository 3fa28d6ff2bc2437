'use strict'
// Where the addon is. The names in prebuilds/ are those that node-gyp-build looks for: one binary for every Node and
// Electron (napi), for one C library.

const fs = require('node:fs')
const path = require('node:path')

function shippedName () {
  const isGlibc = process.platform !== 'linux' || process.report.getReport().header.glibcVersionRuntime !== undefined
  const libc = process.platform !== 'linux' ? '' : isGlibc ? '.glibc' : '.musl'
  return path.join('prebuilds', `${process.platform}-${process.arch}`, `sidelite.napi${libc}.node`)
}

const built = root => path.join(root, 'build', 'Release', 'sidelite.node')

// The one that came with the package, if there is one for this platform.
function shipped (root) {
  const file = path.join(root, shippedName())
  return fs.existsSync(file) ? file : undefined
}

module.exports = { built, shipped, shippedName }
