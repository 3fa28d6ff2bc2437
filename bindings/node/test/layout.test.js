'use strict'
// lib/layout.js against what the C compiler says of include/sidelite.h and src/addon.c.
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { assert, test, scratch, PACKAGE } = require('./support')
const layout = require('../lib/layout')

// The names in C of fields, and of the constants whose names differ by more than a prefix.
const STRUCTS = {
  request: ['request_record', {
    timeout: 'timeout_ms', sqlLength: 'sql_len', columns: 'ncols', rows: 'nrows', chunkRows: 'chunk_rows'
  }],
  event: ['event_record', { lastInsertRowid: 'last_insert_rowid', isAscii: 'is_ascii' }],
  result: ['sidelite_result', {
    columns: 'ncols', rows: 'nrows', messageLength: 'message_len', sqliteCode: 'sqlite_code', sqlOffset: 'sql_offset',
    systemErrno: 'system_errno'
  }],
  value: ['sidelite_value', { length: 'len' }]
}

const PREFIXES = {
  type: '', kind: '', requestFlag: '', eventFlag: 'EVENT_', openFlag: 'OPEN_', observe: 'OBSERVE_', callKind: 'CALL_',
  functionKind: 'FUNCTION_', functionFlag: 'FUNCTION_', begin: 'BEGIN_', status: 'ERR_', close: 'CLOSE_',
  checkpoint: 'CHECKPOINT_', journal: 'JOURNAL_', synchronous: 'SYNC_'
}

function * expressions () {
  for (const [name, [struct, renamed]] of Object.entries(STRUCTS)) {
    for (const [field, value] of Object.entries(layout[name])) {
      const c = field === 'size' ? `sizeof(${struct})` : `offsetof(${struct}, ${renamed[field] ?? field})`
      yield [`${name}.${field}`, c, value]
    }
  }
  for (const [name, prefix] of Object.entries(PREFIXES)) {
    for (const [constant, value] of Object.entries(layout[name])) {
      yield [`${name}.${constant}`, `SIDELITE_${prefix}${constant.toUpperCase()}`, value]
    }
  }
  yield ['cancel.RUNNING', 'SIDELITE_RUNNING', layout.cancel.RUNNING]
}

test('layout', t => {
  const folder = scratch(t)
  const addon = fs.readFileSync(path.join(PACKAGE, 'src', 'addon.c'), 'utf8')
  const struct = name => addon.match(new RegExp(`typedef struct ${name} {[^}]*} ${name};`))[0]
  const records = ['request_record', 'event_record'].map(struct)
  const all = [...expressions()]
  const source = path.join(folder, 'layout.c')
  fs.writeFileSync(source, `#include <stdio.h>\n#include <sidelite.h>\n${records.join('\n')}\nint main(void) {\n` +
    all.map(([, c]) => `printf("%lld\\n", (long long)(${c}));`).join('\n') + '\nreturn 0; }')
  const program = path.join(folder, 'layout')
  execFileSync('cc', ['-std=c11', '-I', path.join(PACKAGE, '..', '..', 'include'), source, '-o', program])
  const values = execFileSync(program, { encoding: 'utf8' }).trim().split('\n').map(Number)
  assert.deepEqual(all.map(([name, , value]) => `${name} ${value}`), all.map(([name], i) => `${name} ${values[i]}`))
  assert.ok(all.length > 100)
})

test('limits_have_the_numbers_of_sqlite', async () => {
  const db = await require('..').open(':memory:', { hardened: false })
  for (const name of Object.keys(layout.limit)) assert.equal(typeof await db.limit(name), 'number', name)
  const known = { parameters: 32766, attached: 10, columns: 2000, expressionDepth: 1000, triggerDepth: 1000 }
  for (const [name, value] of Object.entries(known)) assert.equal(await db.limit(name), value, name)
  await db.close()
})
