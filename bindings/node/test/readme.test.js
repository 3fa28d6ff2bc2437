'use strict'

const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')

const root = path.join(__dirname, '..')

test('the first example of the README prints what it says', () => {
  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8')
  const [, program] = readme.match(/```js\n([^]*?)```/)
  const [, output] = readme.match(/```text\n([^]*?)```/)
  const run = program.replace("'sidelite'", JSON.stringify(root))
  assert.notStrictEqual(run, program)
  assert.strictEqual(execFileSync(process.execPath, ['-e', run], { encoding: 'utf8' }), output)
})
