'use strict'
// What programs do with the package `sqlite3`, each with a transcript of all that they hear: in which order, with which
// arguments, `this` and errors. transcripts.json has what node-sqlite3 itself wrote; see ./record.
//
// A case is an async function (sqlite3, log, folder). log(name) gives a callback that writes down its call.

const path = require('node:path')

const TYPES = 'SELECT ?1 AS value, typeof(?1) AS type'

const opened = (sqlite3, file = ':memory:', ...rest) => new Promise((resolve, reject) => {
  const db = new sqlite3.Database(file, ...rest, error => error ? reject(error) : resolve(db))
})

// The last thing that a case does: it is over when this has happened.
const ended = begin => new Promise(resolve => begin(resolve))

const serially = async (sqlite3, log, body) => {
  const db = await opened(sqlite3)
  db.serialize(() => body(db))
  await ended(done => db.close(log('close', done)))
}

module.exports = {
  async 'opening and closing are told in this order' (sqlite3, log) {
    await ended(done => {
      const db = new sqlite3.Database(':memory:', log('constructor'))
      log.note({ filename: db.filename, mode: db.mode, open: db.open })
      db.on('open', log('open', () => {
        log.note({ open: db.open })
        db.close(log('close callback'))
      }))
      db.on('close', log('close', () => {
        log.note({ open: db.open })
        done()
      }))
    })
  },

  async 'what is called before it is open waits' (sqlite3, log) {
    await ended(done => {
      const db = new sqlite3.Database(':memory:', log('opened'))
      db.serialize(() => {
        db.run('CREATE TABLE t(a)', log('create'))
        db.exec('INSERT INTO t VALUES (1)', log('exec'))
        db.get('SELECT * FROM t', log('get'))
      })
      db.close(log('close', done))
    })
  },

  async 'a file that cannot be opened' (sqlite3, log, folder) {
    await ended(done => new sqlite3.Database(path.join(folder, 'no', 'where'), log('callback', done)))
    await ended(done => new sqlite3.Database(folder, log('a folder', done)))
    const missing = path.join(folder, 'missing')
    await ended(done => new sqlite3.Database(missing, sqlite3.OPEN_READWRITE, log('missing', done)))
    await ended(done => new sqlite3.Database(missing, sqlite3.OPEN_READONLY, log('readonly', done)))
    await ended(done => new sqlite3.Database(':memory:', sqlite3.OPEN_CREATE, log('a mode that cannot be', done)))
    await ended(done => new sqlite3.Database(path.join(folder, 'no', 'where')).on('error', log('error event', done)))
  },

  async 'a database that may only be read' (sqlite3, log, folder) {
    const file = path.join(folder, 'readonly.db')
    const first = await opened(sqlite3, file)
    await ended(done => first.exec('CREATE TABLE t(a)', done))
    await ended(done => first.close(done))
    const db = await opened(sqlite3, file, sqlite3.OPEN_READONLY)
    log.note({ mode: db.mode })
    await ended(done => db.run('INSERT INTO t VALUES (1)', log('insert', done)))
    await ended(done => db.close(log('close', done)))
  },

  async 'a name that is a URI' (sqlite3, log, folder) {
    const { OPEN_READWRITE, OPEN_CREATE, OPEN_URI } = sqlite3
    const uri = `file:${path.join(folder, 'uri.db')}?mode=memory`
    const db = await opened(sqlite3, uri, OPEN_READWRITE | OPEN_CREATE | OPEN_URI)
    await ended(done => db.get("SELECT file FROM pragma_database_list WHERE name = 'main'", log('file', done)))
  },

  async 'one in-memory database is shared' (sqlite3, log) {
    const { OPEN_READWRITE, OPEN_CREATE, OPEN_URI, OPEN_SHAREDCACHE } = sqlite3
    const mode = OPEN_READWRITE | OPEN_CREATE | OPEN_URI | OPEN_SHAREDCACHE
    const one = await opened(sqlite3, 'file:shared?mode=memory', mode)
    const two = await opened(sqlite3, 'file:shared?mode=memory', mode)
    await ended(done => one.exec('CREATE TABLE t(a); INSERT INTO t VALUES (5)', log('exec', done)))
    await ended(done => two.get('SELECT * FROM t', log('get', done)))
  },

  async 'after close everything is misuse' (sqlite3, log) {
    const db = await opened(sqlite3)
    await ended(done => db.close(log('close', done)))
    db.on('error', log('error event'))
    db.run('SELECT 1', log.bare('run'))
    db.all('SELECT 1', log.bare('all'))
    db.exec('SELECT 1', log('exec'))
    db.prepare('SELECT 1', log.bare('prepare'))
    db.wait(log('wait'))
    db.exec('SELECT 1')
    db.close()
    await ended(done => db.close(log('close again', done)))
    try { db.interrupt() } catch (error) { log.note(error) }
  },

  async 'what waited for a close that succeeded is misuse' (sqlite3, log) {
    const db = await opened(sqlite3)
    await ended(done => db.serialize(() => {
      db.run('SELECT 1', log('before'))
      db.close(log('close'))
      db.run('SELECT 2', log.bare('run'))
      db.exec('SELECT 2', log('exec', done))
    }))
  },

  async 'close with a statement that is not finalized is refused' (sqlite3, log) {
    const db = await opened(sqlite3)
    const statement = db.prepare('SELECT 1 AS one')
    await ended(done => statement.get(log('get', done)))
    await ended(done => db.close(log('close', done)))
    log.note({ open: db.open })
    await ended(done => db.get('SELECT 2 AS two', log('usable', done)))
    statement.finalize(log('finalize'))
    await ended(done => db.close(log('close', done)))
    log.note({ open: db.open })
  },

  async 'blank statements' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.run('', log('run'))
      db.get('  ', log('get'))
      db.all('-- comment', log('all'))
      db.exec('', log('exec'))
      db.prepare('', log('prepare')).finalize(log('finalize'))
    })
  },

  async 'values of all kinds' (sqlite3, log) {
    const values = {
      int: 7, zero: 0, minus: -1, minusZero: -0, max32: 2147483647, min32: -2147483648,
      over32: 2147483648, under32: -2147483649,
      big: 2 ** 40, safe: Number.MAX_SAFE_INTEGER, real: 1.5, tiny: 5e-324, infinity: Infinity, nan: NaN,
      yes: true, no: false, nothing: null, text: 'häß 😀', empty: '', nul: 'a\0b', surrogate: 'a\ud800b',
      date: new Date(1234567890123), invalid: new Date(NaN), regexp: /a\/b/gi, buffer: Buffer.from([0, 255, 7]),
      noBytes: Buffer.alloc(0), bytes: new Uint8Array([1, 2]), words: new Uint16Array([1, 2]),
      memory: new ArrayBuffer(2), object: { a: 1 }, array: [1, 2], withText: { toString: () => 'text' }, map: new Map(),
      func: () => 1, symbol: Symbol('s'), boxed: Object('text')
    }
    await serially(sqlite3, log, db => {
      for (const [name, value] of Object.entries(values)) db.get(TYPES, [value], log(`array ${name}`))
      for (const name of ['int', 'text', 'nothing', 'date', 'regexp', 'buffer', 'words', 'yes', 'symbol']) {
        db.get(TYPES, values[name], log(`alone ${name}`))
      }
      for (const [name, value] of Object.entries(values)) {
        db.get('SELECT $v AS value, typeof($v) AS type', { $v: value }, log(`named ${name}`))
      }
    })
  },

  async 'parameters in all forms' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.get('SELECT ? AS a, ? AS b', 1, 2, log('list'))
      db.get('SELECT ? AS a, ? AS b', [1, 2], log('array'))
      db.get('SELECT ? AS a, ? AS b', [1, 2], 3, log('array and more'))
      db.get('SELECT ? AS a, ? AS b', 1, [2], log('array second'))
      db.get('SELECT ? AS a, ? AS b', log('none'))
      db.get('SELECT ? AS a, ? AS b', [], log('empty array'))
      db.get('SELECT ? AS a, ? AS b', {}, log('empty object'))
      db.get('SELECT ? AS a, ? AS b', 1, log('too few'))
      db.get('SELECT ? AS a, ? AS b', undefined, 2, log('undefined'))
      db.get('SELECT 1 AS a', undefined, log('undefined for none'))
      db.get('SELECT 1 AS a', null, log('null for none'))
      db.get('SELECT ? AS a', 1, 2, log('too many'))
      db.get('SELECT ? AS a', [1, undefined, undefined], log('too many undefined'))
      db.get('SELECT $a AS a, :b AS b, @c AS c', { $a: 1, ':b': 2, '@c': 3 }, log('named'))
      db.get('SELECT $a AS a, :b AS b', { $a: 1 }, log('named, too few'))
      db.get('SELECT $a AS a', { $a: 1, $b: 2 }, log('named, too many'))
      db.get('SELECT $a AS a', { a: 1 }, log('named without its sign'))
      db.get('SELECT $a AS a', { $a: undefined, $b: undefined }, log('named, undefined'))
      db.get('SELECT ?3 AS a, ?1 AS b', { 1: 'one', 3: 'three' }, log('numbered'))
      db.get('SELECT ?2 AS a, ? AS b, ?1 AS c', ['x', 'y', 'z'], log('numbered, array'))
      db.get('SELECT $a AS a, ? AS b, $a AS c', ['x', 'y'], log('named twice, array'))
      db.get("SELECT ':no' AS a, \"a\" AS b, [a] AS c, `a` AS d, ? AS e /* ? */ FROM (SELECT 1 AS a) -- ?", 5,
        log('not in quotes'))
      db.get('SELECT ? AS a', Object.create({ 1: 'inherited' }), log('inherited'))
      db.get('SELECT ? AS a', { 0: 'x' }, log('zero'))
      db.get('SELECT ? AS a', { '-1': 'x' }, log('minus one'))
      db.get('SELECT ? AS a', { '': 'x' }, log('empty name'))
      db.get('SELECT $ä AS a, $a::b(c) AS b', { $ä: 1, '$a::b(c)': 2 }, log('odd names'))
    })
  },

  async 'values come out' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.all('SELECT 9007199254740993 AS a, 9223372036854775807 AS b, -9223372036854775808 AS c, 4294967296 AS d',
        log('integers'))
      db.all('SELECT 1.5 AS a, 1e308 * 10 AS b, -0.0 AS c, NULL AS d', log('reals'))
      db.all("SELECT 'häß 😀' AS a, '' AS b, 'a' || char(0) || 'b' AS c, CAST(x'ff41' AS TEXT) AS d", log('texts'))
      db.all("SELECT x'00ff' AS a, x'' AS b, zeroblob(3) AS c", log('blobs'))
      db.all('SELECT 1 AS a, 2 AS a, 3 AS "", 4 AS "a b", 5 AS "ä"', log('names'))
      db.all('SELECT 1 WHERE 0', log('no rows'))
      db.get('SELECT 1 WHERE 0', log('no row'))
      db.all('CREATE TABLE t(a)', log('all of no query'))
      db.get('INSERT INTO t VALUES (1), (2) RETURNING a', log('get of a writer'))
      db.all('INSERT INTO t VALUES (3), (4) RETURNING a, rowid', log('all of a writer'))
      db.all('EXPLAIN QUERY PLAN SELECT * FROM t', log('explain'))
      db.all('SELECT count(*) AS n FROM t', log('count'))
    })
  },

  async 'errors of statements' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE, c NOT NULL DEFAULT 0, CHECK (b <> 5))')
      db.run('INSERT INTO t(a, b) VALUES (1, 1)', log('insert'))
      db.run('INSERT INTO t(a) VALUES (1)', log('primary key'))
      db.run('INSERT INTO t(b) VALUES (1)', log('unique'))
      db.run('INSERT INTO t(c) VALUES (NULL)', log('not null'))
      db.run('INSERT INTO t(b) VALUES (5)', log('check'))
      db.run("INSERT INTO t(a) VALUES ('x')", log('mismatch'))
      db.run('SELEC 1', log.bare('syntax'))
      db.run('SELEC ?', [1, 2], log.bare('syntax, and too many values'))
      db.get('INSERT INTO nowhere VALUES (?)', { $a: 1 }, log.bare('no table, and a wrong name'))
      db.all('SELECT ?', [1, 2], log.bare('too many values'))
      db.run('SELECT 1 FROM nowhere', log.bare('no table'))
      db.all('SELECT nothing', log.bare('no column'))
      db.get('SELECT nosuch(1)', log.bare('no function'))
      db.get('SELECT abs(-9223372036854775808)', log('overflow'))
      db.exec('SELECT 1; SELEC 2', log('exec'))
      db.run('COMMIT', log('no transaction'))
      db.run("SELECT 'open", log.bare('unterminated'))
      db.all('SELECT 1 AS one', log('usable'))
    })
  },

  async 'lastID and changes' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.run('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
      const write = log.members('lastID', 'changes')
      db.run('INSERT INTO t(b) VALUES (1)', write('insert'))
      db.run('INSERT INTO t(b) VALUES (2), (3), (4)', write('three'))
      db.run('INSERT INTO t VALUES (1000000000000, 9)', write('large'))
      db.run('UPDATE t SET b = 0 WHERE a < 3', write('update'))
      db.run('UPDATE t SET b = 0 WHERE a < 0', write('update none'))
      db.run('REPLACE INTO t VALUES (2, 2)', write('replace'))
      db.run('INSERT OR IGNORE INTO t VALUES (2, 2)', write('ignore'))
      db.run('DELETE FROM t WHERE a > 1', write('delete'))
      const statement = db.prepare('INSERT INTO t(b) VALUES (?)')
      statement.run(1, write('prepared'))
      statement.run(write('again'))
      statement.finalize()
    })
  },

  async 'get goes from row to row' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      const statement = db.prepare('SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3')
      for (let i = 1; i <= 5; i++) statement.get(log(`get ${i}`))
      statement.reset(log('reset'))
      statement.get(log('first again'))
      statement.all(log('all'))
      statement.get(log('get after all'))
      statement.reset()
      statement.get(log('first again'))
      statement.get(log('second again'))
      statement.finalize(log('finalize'))
    })
  },

  async 'get goes from row to row, one call at a time' (sqlite3, log) {
    const db = await opened(sqlite3)
    const statement = db.prepare(
      'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 40) SELECT x FROM c')
    for (let i = 1; i <= 42; i++) await ended(done => statement.get(log('get', done)))
    statement.finalize()
    await ended(done => db.close(log('close', done)))
  },

  async 'get begins anew with new values' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      const statement = db.prepare('SELECT ? AS x, ? AS y', 7)
      statement.get(log('prepared with'))
      statement.get(8, 9, log('new values'))
      statement.get(log('behind the end'))
      statement.reset()
      statement.get(log('the same values'))
      statement.bind([3], log('bind'))
      statement.get(log('bound'))
      statement.get(log('behind the end'))
      statement.bind(1, 2, 3, log('too many'))
      statement.get(log('the first of them'))
      statement.all({ 1: 5 }, log('all with values'))
      statement.reset(log('reset'))
      statement.run(log('run'))
      statement.finalize(log('finalize'))
    })
  },

  async 'an error does not spoil a statement' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.run('CREATE TABLE t(a UNIQUE)')
      const statement = db.prepare('INSERT INTO t VALUES (?)')
      statement.run(1, log('first'))
      statement.run(1, log('second'))
      statement.run(2, log('third'))
      statement.run(1, 2, log('too many'))
      statement.run(3, log('fourth'))
      statement.finalize(log('finalize'))
      db.all('SELECT a FROM t', log('all'))
    })
  },

  async 'each and map' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.exec("CREATE TABLE t(a, b, c); INSERT INTO t VALUES (1, 'x', 10), (2, 'y', 20), (2, 'z', 30)")
      db.each('SELECT a, b FROM t', log('row'), log('complete'))
      db.each('SELECT a FROM t WHERE a > ?', 1, log('row with value'))
      db.each('SELECT a FROM t WHERE 0', log('no row'), log('complete without rows'))
      db.each('SELECT a FROM nowhere', log.bare('row of an error'), log.bare('complete of an error'))
      db.each('SELECT a FROM t', 1, 2, log('row of wrong values'), log('complete of wrong values'))
      db.map('SELECT a, b FROM t', log.bare('two columns'))
      db.map('SELECT b, a, c FROM t', log.bare('three columns'))
      db.map('SELECT b FROM t', log.bare('one column'))
      db.map('SELECT b, a FROM t WHERE a = ?', 1, log.bare('with a value'))
      db.map('SELECT b, a FROM t WHERE 0', log.bare('no rows'))
      db.map('SELECT b FROM nowhere', log.bare('error'))
    })
  },

  async 'each of many rows' (sqlite3, log) {
    const db = await opened(sqlite3)
    let sum = 0
    await ended(done => db.each(
      'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000) SELECT x FROM c',
      (error, row) => { sum += error ? NaN : row.x }, log('complete', done)))
    log.note({ sum })
  },

  async 'exec runs all until an error' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1); INSERT INTO nowhere VALUES (1); INSERT INTO t VALUES (2)',
        log('exec'))
      db.all('SELECT a FROM t', log('all'))
      db.exec("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT ';'; SELECT CASE WHEN 1 THEN 2 END; END; " +
        'INSERT INTO t VALUES (3);', log('trigger'))
      db.all('SELECT a FROM t', log('all'))
      db.on('error', log('error event'))
      db.exec('SELEC 1')
    })
  },

  async 'only the first statement of a text runs' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.run('CREATE TABLE t(a, b); DROP TABLE nowhere', log('two'))
      db.run(';; INSERT INTO t VALUES (?, \';\'); syntax error', 1, log('semicolons'))
      db.run('CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET b = new.a; SELECT CASE 1 WHEN 1 THEN 2 END; END; ' +
        'DROP TABLE t', log('trigger'))
      db.run('CREATE TEMP TRIGGER r2 AFTER INSERT ON t BEGIN SELECT 1; END', log('temporary trigger'))
      db.run('INSERT INTO t VALUES (2, 3)\0 nothing of this', log('behind a NUL'))
      db.all('SELECT * FROM t', log('all'))
      db.prepare('SELECT a FROM t WHERE a = ?; SELECT ?, ?', 2).all(log('prepared')).finalize()
    })
  },

  async 'a statement that cannot be prepared' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      const statement = db.prepare('SELECT * FROM nowhere', log.bare('prepare'))
      statement.run(log('never called'))
      statement.finalize(log('never called'))
      db.prepare('SELECT * FROM nowhere', 1, 2, log.bare('with values'))
      db.prepare('SELECT ?', 1, 2, log('with too many values')).finalize()
      const silent = db.prepare('SELECT * FROM nowhere')
      silent.on('error', log('error event'))
      silent.get(log('never called'))
      const other = db.prepare('SELECT * FROM nowhere', log.bare('prepare another'))
      other.run(log('never called'))
      other.get(log('never called'))
      other.get(log('never called'))
      other.bind(1, log('never called'))
      other.reset(log('never called'))
      other.map(log('never called'))
    })
  },

  async 'a statement that is finalized' (sqlite3, log) {
    const db = await opened(sqlite3)
    const statement = db.prepare('SELECT 1 AS x', log('prepare'))
    statement.get(log('get'))
    await ended(done => statement.finalize(log('finalize', done)))
    statement.get(log('get after'))
    statement.all(log('all after'))
    statement.finalize(log('finalize after'))
    statement.on('error', log('error event'))
    statement.run()
    const other = db.prepare('SELECT 2 AS x')
    other.get(log('get'))
    await ended(done => {
      other.finalize(log('finalize', done))
      other.get(log('get behind finalize'))
    })
    await ended(done => db.close(log('close', done)))
  },

  async 'errors without a callback are events of the statement' (sqlite3, log) {
    const db = await opened(sqlite3)
    const statement = db.prepare('SELECT abs(?)')
    await ended(done => {
      statement.on('error', log('error event', done))
      statement.run([1, 2])
    })
    await ended(done => {
      statement.once('error', done)
      statement.get('-9223372036854775808')
      statement.all(new Array(3).fill(1))
    })
  },

  async 'serialize keeps the order' (sqlite3, log) {
    const db = await opened(sqlite3)
    await ended(done => {
      log.note(db.serialize() === db)
      db.run('CREATE TABLE t(a)', log('create'))
      for (let i = 0; i < 5; i++) {
        db.run('INSERT INTO t VALUES (?)', i, log(`insert ${i}`, () => {
          if (i === 1) db.get('SELECT count(*) AS n FROM t', log('called within', done))
        }))
      }
      db.get('SELECT count(*) AS n FROM t', log('count'))
      db.each('SELECT a FROM t', log('each'), log('complete'))
      db.exec('DELETE FROM t', log('exec'))
      db.all('SELECT a FROM t', log('all'))
      const statement = db.prepare('INSERT INTO t VALUES (?)', log('prepare'))
      statement.run(1, log('run 1'))
      statement.run(2, log('run 2'))
      statement.finalize(log('finalize'))
      db.wait(log('wait'))
      db.get('SELECT sum(a) AS n FROM t', log('sum'))
    })
  },

  async 'serialize and parallelize nest' (sqlite3, log) {
    const db = await opened(sqlite3)
    await ended(done => {
      log.note(db.serialize(function () {
        log.note(this === db)
        db.run('CREATE TABLE t(a)', log('create'))
        db.parallelize(() => {
          log.note('parallelize runs its function at once')
          db.serialize(() => db.exec('INSERT INTO t VALUES (1)', log('exec')))
        })
        db.run('INSERT INTO t VALUES (2)', log('insert'))
      }) === db)
      db.wait(() => db.all('SELECT a FROM t ORDER BY a', log('all', done)))
    })
  },

  async 'rows that nobody wants are in nobody\'s way' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3), (4)')
      db.get('SELECT a FROM t', log('get'))
      db.run('DROP TABLE t', log('drop'))
      db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (5), (6), (7)', log('exec'))
      const statement = db.prepare('SELECT a FROM t')
      statement.get(log('first'))
      statement.finalize()
      db.run('ALTER TABLE t ADD COLUMN b', log('alter'))
      db.run('VACUUM', log('vacuum'))
      db.all('SELECT * FROM t', log('all'))
    })
  },

  async 'transactions' (sqlite3, log) {
    await serially(sqlite3, log, db => {
      db.run('CREATE TABLE t(a UNIQUE)')
      db.run('BEGIN', log('begin'))
      db.run('INSERT INTO t VALUES (1)')
      db.run('BEGIN', log('begin again'))
      db.run('SAVEPOINT s', log('savepoint'))
      db.run('INSERT INTO t VALUES (2)')
      db.run('INSERT INTO t VALUES (2)', log('twice'))
      db.run('ROLLBACK TO s', log('rollback to'))
      db.run('COMMIT', log('commit'))
      db.run('BEGIN IMMEDIATE')
      db.run('DELETE FROM t')
      db.run('ROLLBACK', log('rollback'))
      db.all('SELECT a FROM t', log('all'))
    })
  },

  async 'what others have locked is busy' (sqlite3, log, folder) {
    const file = path.join(folder, 'busy.db')
    const one = await opened(sqlite3, file)
    const two = await opened(sqlite3, file)
    two.configure('busyTimeout', 0)
    await ended(done => one.exec('CREATE TABLE t(a); BEGIN IMMEDIATE', done))
    await ended(done => two.run('INSERT INTO t VALUES (1)', log('run', done)))
    await ended(done => two.exec('INSERT INTO t VALUES (1)', log('exec', done)))
    await ended(done => one.exec('COMMIT', done))
    await ended(done => two.run('INSERT INTO t VALUES (1)', log('run', done)))
    const statement = two.prepare('SELECT a FROM t')
    await ended(done => statement.get(log('get', done)))
    await ended(done => statement.get(log('end', done)))
    await ended(done => one.run('INSERT INTO t VALUES (2)', log('beside a get that has ended', done)))
    statement.finalize()
  },

  async 'configure' (sqlite3, log) {
    const db = await opened(sqlite3)
    log.note(db.configure('busyTimeout', 300) === db)
    await ended(done => db.get('PRAGMA busy_timeout', log('busyTimeout', done)))
    log.note(db.configure('limit', sqlite3.LIMIT_VARIABLE_NUMBER, 2) === db)
    await ended(done => db.run('SELECT ?, ?, ?', 1, 2, 3, log.bare('limit', done)))
    const wrong = [[], ['x'], ['x', 1], ['busyTimeout', 'x'], ['limit', 1], ['limit', 'x', 1], ['limit', 1, 'x']]
    for (const values of wrong) {
      try { db.configure(...values) } catch (error) { log.note(error) }
    }
  },

  async 'arguments that are wrong' (sqlite3, log) {
    const db = await opened(sqlite3)
    for (const call of [
      () => new sqlite3.Database(), () => new sqlite3.Database(5), () => db.exec(), () => db.exec(5),
      () => db.exec('', 5), () => db.close(5), () => db.wait(5), () => db.serialize(5), () => db.parallelize(5),
      () => db.loadExtension(), () => db.loadExtension('', 5)
    ]) {
      try {
        call()
        log.note('accepted')
      } catch (error) {
        log.note(error)
      }
    }
  },

  async 'what methods return' (sqlite3, log) {
    const db = await opened(sqlite3)
    db.serialize()
    const nothing = () => {}
    log.note(['run', 'get', 'all', 'map', 'exec'].map(name => db[name]('SELECT 1 AS a', nothing) === db))
    log.note([db.each('SELECT 1', nothing, nothing) === db, db.wait() === db, db.interrupt() === db])
    log.note(db.parallelize() === db)
    const statement = db.prepare('SELECT ? AS a')
    log.note([statement.sql, statement instanceof sqlite3.Statement, db instanceof sqlite3.Database])
    log.note([statement.bind(1) === statement, statement.reset() === statement])
    log.note(['run', 'get', 'all', 'map', 'each'].map(name => statement[name](nothing) === statement))
    log.note(statement.finalize() === db)
    log.note(db.on('open', nothing) === db)
    await ended(done => log.note(db.close(log('close', done)) === db))
  },

  async 'constants' (sqlite3, log) {
    const { path, VERSION, VERSION_NUMBER, SOURCE_ID, ...others } = sqlite3
    log.note(Object.fromEntries(Object.entries(others).filter(([, value]) => typeof value === 'number')))
    log.note(Object.keys(others))
    log.note(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [0-9a-f]{64}$/.test(SOURCE_ID))
    const [major, minor, patch] = VERSION.split('.').map(Number)
    log.note(VERSION_NUMBER === major * 1000000 + minor * 1000 + patch)
    try {
      sqlite3.OK = 5
    } catch (error) {
      log.note(error.constructor.name)
    }
    log.note(sqlite3.OK)
  },

  async 'cached databases' (sqlite3, log, folder) {
    const file = path.join(folder, 'cached.db')
    await ended(done => {
      const one = new sqlite3.cached.Database(file, log('one'))
      const two = new sqlite3.cached.Database(path.join(folder, '.', 'cached.db'), log('two'))
      log.note([one === two, Object.values(sqlite3.cached.objects).includes(one)])
      one.wait(() => {
        log.note(new sqlite3.cached.Database(file, sqlite3.OPEN_READONLY, log('three', done)) === one)
      })
    })
    const [one, two] = [':memory:', ':memory:'].map(name => new sqlite3.cached.Database(name))
    log.note(one === two)
  },

  async 'methods can be replaced' (sqlite3, log) {
    const original = sqlite3.Statement.prototype.all
    sqlite3.Statement.prototype.all = function (...args) {
      log.note(['replaced', this.sql])
      return original.apply(this, args)
    }
    const db = await opened(sqlite3)
    await ended(done => db.all('SELECT 1 AS a', log('all', done)))
    sqlite3.Statement.prototype.all = original
    for (const name of ['run', 'get', 'all', 'each', 'map', 'exec', 'close', 'prepare', 'serialize', 'backup']) {
      const { writable, configurable } = Object.getOwnPropertyDescriptor(sqlite3.Database.prototype, name)
      log.note([name, writable, configurable])
    }
  },

  async 'changes are told' (sqlite3, log) {
    const db = await opened(sqlite3)
    await ended(done => db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b)', done))
    await ended(done => {
      let left = 4
      db.on('change', log('change', () => { if (--left === 0) done() }))
      db.serialize(() => {
        db.run('INSERT INTO t VALUES (10, 1), (20, 2)')
        db.run('UPDATE t SET b = 5 WHERE a = 20')
        db.run('DELETE FROM t WHERE a = 10')
      })
    })
    db.removeAllListeners('change')
    await ended(done => db.run('INSERT INTO t VALUES (30, 1)', log('not told', done)))
  },

  async 'interrupt' (sqlite3, log) {
    const db = await opened(sqlite3)
    const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c'
    await ended(done => {
      db.all(ENDLESS, log('interrupted', done))
      setTimeout(() => db.interrupt(), 200)
    })
    await ended(done => db.get('SELECT 1 AS one', log('usable', done)))
  },

  async 'a library that is not there' (sqlite3, log, folder) {
    const db = await opened(sqlite3)
    await ended(done => db.loadExtension('/nowhere/nothing', log('loadExtension', done)))
    await ended(done => db.get("SELECT load_extension('/nowhere/nothing')", log('as a function', done)))
  },

  async 'backup to a file, and from it' (sqlite3, log, folder) {
    const file = path.join(folder, 'copy.db')
    const db = await opened(sqlite3, path.join(folder, 'original.db'))
    const members = ['idle', 'completed', 'failed', 'remaining', 'pageCount', 'retryErrors']
    const state = backup => log.note(members.map(name => backup[name]))
    await ended(done => db.exec(`CREATE TABLE t(a);
      WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000)
      INSERT INTO t SELECT printf('%0100d', x) FROM c`, done))
    const backup = db.backup(file, log('backup'))
    state(backup)
    await ended(done => backup.step(10, log('step', done)))
    state(backup)
    await ended(done => db.close(log('close', done)))
    await ended(done => backup.step(-1, log('step', done)))
    state(backup)
    await ended(done => backup.step(1, log('step behind the end', done)))
    await ended(done => backup.finish(log('finish', done)))
    state(backup)
    await ended(done => backup.step(1, log('step behind finish', done)))
    const memory = await opened(sqlite3)
    const restore = memory.backup(file, 'main', 'main', false, log('restore'))
    await ended(done => restore.step(-1, log('step', done)))
    await ended(done => restore.finish(done))
    await ended(done => memory.get('SELECT count(*) AS n FROM t', log('count', done)))
    await ended(done => db.close(log('close', done)))
  },

  async 'backup to a file that others have locked' (sqlite3, log, folder) {
    const file = path.join(folder, 'locked.db')
    const db = await opened(sqlite3)
    await ended(done => db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)', done))
    for (const retryErrors of [undefined, [], [sqlite3.OK]]) {
      const other = await opened(sqlite3, file)
      await ended(done => other.exec('BEGIN EXCLUSIVE', log('lock', done)))
      const backup = db.backup(file)
      if (retryErrors) backup.retryErrors = retryErrors
      await ended(done => backup.step(-1, log('step', done)))
      log.note([backup.completed, backup.failed])
      await ended(done => other.close(log('unlock', done)))
      await ended(done => backup.step(-1, log('step', done)))
      log.note([backup.completed, backup.failed, backup.remaining])
      await ended(done => backup.finish(log('finish', done)))
      log.note([backup.completed, backup.failed])
    }
  },

  async 'backup of other schemas, of what changes meanwhile, and step by step' (sqlite3, log, folder) {
    const file = path.join(folder, 'schemas.db')
    const db = await opened(sqlite3)
    await ended(done => db.exec("CREATE TEMP TABLE space(a); INSERT INTO space VALUES ('monkey')", done))
    const temporary = db.backup(file, 'temp', 'main', true, log('backup'))
    await ended(done => temporary.step(-1, log('step', done)))
    await ended(done => temporary.finish(log('finish', done)))
    const copy = await opened(sqlite3, file)
    await ended(done => copy.get('SELECT * FROM space', log('copy', done)))
    const growing = copy.backup(path.join(folder, 'growing.db'))
    await ended(done => growing.step(0, log('none', done)))
    log.note(growing.remaining === growing.pageCount)
    await ended(done => growing.step(1, log('one', done)))
    log.note(growing.remaining)
    await ended(done => copy.exec("INSERT INTO space VALUES ('dog'); CREATE TABLE t(a)", done))
    for (let i = 0; i < 20 && !growing.completed; i++) await ended(done => growing.step(1, done))
    log.note([growing.completed, growing.failed, growing.remaining])
    await ended(done => growing.finish(log('finish', done)))
    const grown = await opened(sqlite3, path.join(folder, 'growing.db'))
    await ended(done => grown.all('SELECT * FROM space', log('grown', done)))
  },

  async 'close before it is open' (sqlite3, log) {
    const db = new sqlite3.Database(':memory:')
    await ended(done => {
      db.on('error', log('error event', done))
      db.close(log('close'))
      db.run('CREATE TABLE t(a)')
    })
    const other = new sqlite3.Database(':memory:')
    other.on('error', log('never called'))
    await ended(done => {
      other.close()
      other.run('CREATE TABLE t(a)', log.bare('run', done))
    })
  },

  async 'a transaction that is open ends with close' (sqlite3, log, folder) {
    const file = path.join(folder, 'open.db')
    const db = await opened(sqlite3, file)
    await ended(done => db.exec('CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1)', done))
    await ended(done => db.close(log('close', done)))
    const again = await opened(sqlite3, file)
    await ended(done => again.all('SELECT * FROM t', log('all', done)))
  },

  async 'a backup that is not finished leaves nothing' (sqlite3, log, folder) {
    const file = path.join(folder, 'unfinished.db')
    const db = await opened(sqlite3)
    await ended(done => db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)', done))
    const backup = db.backup(file)
    await ended(done => backup.step(1, log('step', done)))
    await ended(done => backup.finish(log('finish', done)))
    log.note([backup.completed, backup.failed])
    const copy = await opened(sqlite3, file)
    await ended(done => copy.all('SELECT * FROM sqlite_master', log('tables', done)))
    await ended(done => db.backup(path.join(folder, 'no', 'where'), log('nowhere', done)))
    try { backup.retryErrors = 5 } catch (error) { log.note(error) }
    try { backup.step('x') } catch (error) { log.note(error) }
  }
}
