'use strict'
// The database: 34,006 cities, imported into a temporary file, and what is asked of them.

const { mkdtemp, readFile, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { open } = require('../../bindings/node')

const DATA = path.join(__dirname, '..', 'data')
const FOUND_MAX = 8
const LONELIEST_MAX = 12
const LINE_CITIES = 100 // between two lines of a report

// What may be out at a time. More is refused, which is better than a queue that only grows.
const REQUESTS_MAX = 1000
const REPORTS_MAX = 4
const TIMEOUT_MS = 5000
const REPORT_TIMEOUT_MS = 600_000 // also of a client that reads nothing of it

const SCHEMA = `
  CREATE TABLE country(code TEXT PRIMARY KEY, name TEXT, continent TEXT, capital TEXT, population INTEGER,
    currency TEXT, languages TEXT) STRICT;
  CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, latitude REAL, longitude REAL, country TEXT REFERENCES country,
    admin1 TEXT, population INTEGER, timezone TEXT) STRICT;
  CREATE VIRTUAL TABLE city_search USING fts5(name, content = 'city', content_rowid = 'id', prefix = '1 2 3',
    tokenize = 'unicode61 remove_diacritics 2')`

const RANDOM = `
  SELECT city.name, country.name AS country, city.population FROM city JOIN country ON country.code = city.country
  WHERE city.id >= ? * (SELECT max(id) FROM city) ORDER BY city.id LIMIT 1`

const SEARCH = `
  SELECT city.name, country.name AS country, city.population
  FROM city_search(?) AS hit JOIN city ON city.id = hit.rowid JOIN country ON country.code = city.country
  ORDER BY city.population DESC LIMIT ${FOUND_MAX}`

const COUNT = 'SELECT count(*) AS total FROM city WHERE population >= ?'

// Each city of a size with the next one of that size. Points on a sphere of radius 1 are the nearer, the larger their
// scalar product is: no index helps, and every pair is compared.
const NEIGHBOURS = `
  WITH large AS MATERIALIZED (
    SELECT id, name, country, population, sin(radians(latitude)) AS z,
      cos(radians(latitude)) * cos(radians(longitude)) AS x, cos(radians(latitude)) * sin(radians(longitude)) AS y
    FROM city WHERE population >= ?
  ), pair AS (
    SELECT id, (SELECT id FROM large AS other WHERE other.id <> one.id
                ORDER BY one.x * other.x + one.y * other.y + one.z * other.z DESC LIMIT 1) AS next
    FROM large AS one
  )
  SELECT one.name, country.name AS country, one.population, other.name AS neighbour,
    6371 * acos(min(1, one.x * other.x + one.y * other.y + one.z * other.z)) AS km
  FROM pair JOIN large AS one ON one.id = pair.id JOIN large AS other ON other.id = pair.next
    JOIN country ON country.code = one.country`

// The records of a CSV file, below the names of the columns. An empty field is NULL.
async function records (name) {
  const text = await readFile(path.join(DATA, name), 'utf8')
  const field = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g
  return text.trimEnd().split(/\r?\n/).slice(1).map(line =>
    Array.from(line.matchAll(field), ([, quoted, plain]) => (plain ?? quoted.replaceAll('""', '"')) || null))
}

// All values go in as text: the columns make numbers of them, and STRICT refuses what is none.
async function fill (db, table, rows) {
  await db.runMany(`INSERT INTO ${table} VALUES (${rows[0].map(() => '?').join()})`, rows)
}

// What full-text search wants: each word may be the beginning of one.
const prefixes = text => (text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).map(word => `"${word}"*`).join(' ')

// Its queries take a signal that cancels them.
class Cities {
  #folder
  #db
  #reports

  // Two connections, as each has one thread, which the requests of that connection share: a search would wait while the
  // report looks for its next rows. The write-ahead log lets both read at the same time.
  static async open () {
    const cities = new Cities()
    cities.#folder = await mkdtemp(path.join(tmpdir(), 'sidelite-cities-'))
    const file = path.join(cities.#folder, 'cities.db')
    try {
      cities.#db = await open(file, { journalMode: 'wal', synchronous: 'normal', maxRequests: REQUESTS_MAX })
      await cities.#import()
      cities.#reports = await open(file, { readonly: true, maxRequests: REPORTS_MAX })
    } catch (error) {
      await cities.close()
      throw error
    }
    return cities
  }

  async #import () {
    await this.#db.script(SCHEMA)
    await fill(this.#db, 'country', await records('countries.csv'))
    await fill(this.#db, 'city', await records('cities.csv'))
    await this.#db.run("INSERT INTO city_search(city_search) VALUES ('rebuild')")
  }

  random (signal) { return this.#db.get(RANDOM, [Math.random()], { signal, timeout: TIMEOUT_MS }) }

  async search (text, signal) {
    const wanted = prefixes(text)
    return wanted ? this.#db.all(SEARCH, [wanted], { signal, timeout: TIMEOUT_MS }) : []
  }

  // The cities that are farthest from the next one of at least `people` inhabitants: again and again the report so far.
  // The query goes on as its rows are taken, and ends when the loop is left.
  async * report (people, signal) {
    const options = { signal, timeout: REPORT_TIMEOUT_MS, chunkRows: LINE_CITIES }
    const { total } = await this.#reports.get(COUNT, [people], options)
    let done = 0
    let loneliest = []
    for await (const city of this.#reports.stream(NEIGHBOURS, [people], options)) {
      loneliest = [...loneliest, city].sort((a, b) => b.km - a.km).slice(0, LONELIEST_MAX)
      if (++done % LINE_CITIES === 0 || done === total) yield { done, total, loneliest }
    }
  }

  // Requests that are out.
  get outstanding () {
    return { small: this.#db.statistics().outstanding, reports: this.#reports.statistics().outstanding }
  }

  // Finishes what was asked, but for reports.
  async close () {
    await this.#reports?.close({ cancel: true })
    await this.#db?.close()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

module.exports = { Cities }
