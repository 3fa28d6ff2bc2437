'use strict'
// The addon: as `npm install` built it (build/Release), or as it was shipped for this platform (prebuilds/). The
// environment may name another, as the tests do.

const fs = require('node:fs')
const path = require('node:path')
const files = require('./native-files')

const root = path.join(__dirname, '..')

function find () {
  if (process.env.SIDELITE_ADDON) return path.resolve(process.env.SIDELITE_ADDON)
  if (fs.existsSync(files.built(root))) return files.built(root)
  const shipped = files.shipped(root)
  if (shipped) return shipped
  throw new Error(`sidelite: no addon for ${process.platform}-${process.arch}; run \`npm install\` in ${root}, ` +
    'with cargo and a C compiler at hand')
}

module.exports = require(find())
