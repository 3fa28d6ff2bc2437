// Compiled and not run: what is right has types, what is wrong has none.
import { Connection, Lane, OpenOptions, Outcome, SideliteError, Summary, open, sqliteVersion, zeroBlob } from 'sidelite'

interface City { name: string, population: number }

export async function use (): Promise<void> {
  const options: OpenOptions = { integers: 'bigint', journalMode: 'wal', pragmas: ['cache_size=-8000'] }
  await using db: Connection = await open(':memory:', options)
  const summary: Summary = await db.run('INSERT INTO city VALUES (?, ?, ?)', [1, 'Paris', new Date()])
  const cities: City[] = await db.all<City>('SELECT * FROM city WHERE name = :name', { name: 'Paris' }, { timeout: 5 })
  const city: City | undefined = await db.get<City>('SELECT * FROM city')
  const pairs: Array<[number, string]> = await db.values<[number, string]>('SELECT 1, name FROM city')
  const outcomes: Outcome[] = await db.batch([['DELETE FROM city WHERE x = ?', [1n]], 'SELECT 1'])
  const { signal } = new AbortController()
  for await (const { name } of db.stream<City>('SELECT * FROM city', [], { signal, chunkRows: 5 })) name.toUpperCase()
  db.stream('SELECT 1').readable({ highWaterMark: 3 }).on('data', () => {})
  const count: number = await db.transaction(async tx => {
    await tx.transaction(inner => inner.runMany('INSERT INTO city VALUES (?)', [[zeroBlob(5)], [Buffer.alloc(2)]]))
    return 5
  }, { mode: 'exclusive' })
  await db.function('f', { deterministic: true }, async function (x) {
    return (await this.get<City>('SELECT ?', [x]))?.name
  })
  await db.function('g', (a: number, b: string) => null)
  await db.aggregate('sum2', { start: 0, step: (sum, x: number) => sum + x, inverse: (sum, x: number) => sum - x })
  await db.collation('c', (a, b) => a.length - b.length)
  db.on('change', ({ operation, rowid }) => [operation, rowid]).once('commit', () => {})
  db.off('profile', ({ nanoseconds }) => nanoseconds)
  const blob = await db.blob('city', 'image', 1n, { writable: true })
  await blob.write(new Uint8Array(blob.size))
  await db.backup(await open('copy.db'), { pages: 5, progress: ({ remaining, total }) => remaining / total })
  const lane: Lane = db
  const [{ name, position }] = await lane.prepare('SELECT :a').parameters()
  try {
    await db.limit('parameters', 5)
  } catch (error) {
    if (error instanceof SideliteError && error.code === 'SQLITE_BUSY') error.offset.toFixed()
  }
  void [summary, cities, city, pairs, outcomes, count, name, position, sqliteVersion]

  // @ts-expect-error: no value
  await db.run('SELECT ?', [undefined])
  // @ts-expect-error: no value
  await db.run('SELECT ?', [{ a: 1 }])
  // @ts-expect-error: no value
  await db.run('SELECT ?', [Symbol('s')])
  // @ts-expect-error: parameters are an array or an object
  await db.run('SELECT ?', 5)
  // @ts-expect-error: no such option
  await open(':memory:', { readOnly: true })
  // @ts-expect-error: no such event
  db.on('changes', () => {})
  // @ts-expect-error: connections are opened
  void new Connection()
  // @ts-expect-error: only a function
  await db.transaction('BEGIN')
}
