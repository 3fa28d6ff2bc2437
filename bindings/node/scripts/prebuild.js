'use strict'
// Puts the addon that was built into prebuilds/, from where the package ships it.

const fs = require('node:fs')
const path = require('node:path')
const { built, shippedName } = require('../lib/native-files')

const root = path.join(__dirname, '..')
const target = path.join(root, shippedName())
fs.mkdirSync(path.dirname(target), { recursive: true })
fs.copyFileSync(built(root), target)
console.log(path.relative(root, target))
