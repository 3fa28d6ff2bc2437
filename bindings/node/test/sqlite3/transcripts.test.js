'use strict'
// All that programs hear is what they hear from node-sqlite3, as it was recorded.

const test = require('node:test')
const assert = require('node:assert/strict')
const sqlite3 = require('../../sqlite3')
const cases = require('./cases')
const { run } = require('./transcript')
const transcripts = require('./transcripts.json')

test('each case was recorded', () => assert.deepEqual(Object.keys(transcripts), Object.keys(cases)))

for (const [name, body] of Object.entries(cases)) {
  test(name, { timeout: 60000 }, async () => assert.deepEqual(await run(sqlite3, body), transcripts[name]))
}
