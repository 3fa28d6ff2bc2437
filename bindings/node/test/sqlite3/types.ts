// What must compile, and what must not: run by the test of the types.
import * as sqlite3 from '../../sqlite3'
import { Database, Statement, Backup, RunResult, OPEN_READWRITE, CONSTRAINT, verbose, cached } from '../../sqlite3'

interface City { id: number, name: string }

const db: Database = new Database(':memory:', OPEN_READWRITE, function (error) { if (error === null) this.close() })
db.serialize(() => {
  db.run('INSERT INTO city(name) VALUES (?)', 'Rome', function (this: RunResult, error: Error | null) {
    const id: number = this.lastID + this.changes
    console.log(id, error?.message)
  })
  db.get<City>('SELECT * FROM city WHERE id = ?', [1], (error, row) => console.log(error, row.name.length))
  db.all<City>('SELECT * FROM city', (error, rows) => console.log(error, rows.map(row => row.id + 1)))
  db.each<City>('SELECT * FROM city', (error, row) => console.log(error, row.id),
    (error, count) => console.log(error, count + 1))
  db.map<string>('SELECT id, name FROM city', (error, names) => console.log(error, names['1'].length))
  db.exec('DELETE FROM city', error => console.log(error)).wait().configure('busyTimeout', 5).interrupt()
})
const statement: Statement = db.prepare('SELECT ?').bind(1, 2)
statement.get<City>((error, row) => console.log(error, row?.name)).reset().finalize().run('SELECT 1')
const backup: Backup = db.backup('file', error => console.log(error))
backup.retryErrors = [sqlite3.BUSY, CONSTRAINT]
backup.step(-1, (error, completed: boolean) => console.log(error, completed)).finish()
db.on('trace', sql => console.log(sql.length))
  .on('change', (type, database, table, rowid) => console.log(type + database + table, rowid + 1))
verbose().cached.Database('file', error => console.log(error)).loadExtension('x')
cached.Database('file', OPEN_READWRITE)

// @ts-expect-error: no number is a name
new Database(5) // eslint-disable-line no-new
// @ts-expect-error
db.configure('nonsense', 1)
// @ts-expect-error
db.open = true
// @ts-expect-error
backup.step('all')
