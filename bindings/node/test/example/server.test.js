'use strict'
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { Cities } = require('../../../../examples/node/cities')
const { Server, assert, check, test, until, HANG_MS, ROOT } = require('./support')

const names = cities => cities.map(({ name }) => name)

// ---- Answers ----

check('a_search_finds_what_begins_so', async server => {
  assert.deepEqual(await server.json('search?q=franc+san+mac'), [
    { name: 'San Francisco de Macorís', country: 'Dominican Republic', population: 124763 }
  ])
  const found = await server.json('search?q=san+franc')
  assert.deepEqual(found[0], { name: 'San Francisco', country: 'United States', population: 827526 })
  assert.deepEqual(await server.json('search?q=qqqq'), [])
})

check('a_search_folds_accents_and_case', async server => {
  const [found, ...others] = await Promise.all(['%C3%96rebro', 'orebro', 'OREB', 'O%CC%88rebro'].map(text =>
    server.json(`search?q=${text}`)))
  assert.equal(found[0].name, 'Örebro')
  for (const other of others) assert.deepEqual(other, found)
  const largest = await server.json('search?q=s')
  assert.equal(largest.length, 8)
  assert.deepEqual(largest, largest.toSorted((a, b) => b.population - a.population))
})

check('a_search_for_what_full_text_search_would_read_as_its_own', async server => {
  for (const text of ['"', "'", '*', 'NOT', 'AND OR', 'name:x', '^a', '(', 'a" OR "b', '\0', '\ud800', '💚', ' ']) {
    const response = await server.fetch(`search?q=${encodeURIComponent(text.toWellFormed())}`)
    assert.equal(response.status, 200, text)
    assert.ok(Array.isArray(await response.json()))
  }
  assert.deepEqual(await server.json('search?q=%22'), [])
  assert.deepEqual(names(await server.json('search?q=a%22%20OR%20%22b')), names(await server.json('search?q=a+or+b')))
})

check('a_city_at_random', async server => {
  const cities = await Promise.all(Array.from({ length: 50 }, () => server.json('random')))
  for (const city of cities) assert.deepEqual(Object.keys(city), ['name', 'country', 'population'])
  assert.ok(new Set(names(cities)).size > 10)
})

// As it is computed from the file, in another way.
function loneliest (people) {
  const file = fs.readFileSync(path.join(ROOT, 'examples', 'data', 'cities.csv'), 'utf8')
  const cities = file.trimEnd().split('\n').slice(1).map(line => line.split(','))
    .map(([, name, latitude, longitude, , , population]) => ({
      name, population: Number(population), phi: latitude * Math.PI / 180, lambda: longitude * Math.PI / 180
    })).filter(({ population }) => population >= people)
  const haversine = x => Math.sin(x / 2) ** 2
  const km = (a, b) => 2 * 6371 * Math.asin(Math.sqrt(
    haversine(a.phi - b.phi) + Math.cos(a.phi) * Math.cos(b.phi) * haversine(a.lambda - b.lambda)))
  const nearest = one => cities.filter(other => other !== one)
    .map(other => ({ name: one.name, neighbour: other.name, km: km(one, other) }))
    .reduce((a, b) => a.km <= b.km ? a : b)
  return { total: cities.length, loneliest: cities.map(nearest).sort((a, b) => b.km - a.km).slice(0, 12) }
}

check('a_report_is_right', async server => {
  const lines = await server.report(1_000_000)
  const expected = loneliest(1_000_000)
  for (const { done, total } of lines) assert.ok(done <= total && total === expected.total)
  const last = lines.at(-1)
  assert.equal(last.done, last.total)
  const rounded = list => list.map(({ name, neighbour, km }) => [name, neighbour, km.toFixed(3)])
  assert.deepEqual(rounded(last.loneliest), rounded(expected.loneliest))
  assert.equal(typeof last.longestPause, 'number')
})

// ---- What cannot be answered ----

check('bad_input_is_refused_with_a_reason', async server => {
  const refused = {
    400: ['search', 'search?q=', `search?q=${'a'.repeat(101)}`, 'search?q=a&q=b', 'search?Q=a', 'report', '/',
      ...['', 'x', '1', '14999', '1000001', '1e5', '-100000', '100000.5', '%00', '99999999999999999999999'].map(
        people => `report?people=${people}`)],
    404: ['nothing', 'page', 'page/page.js', '..%2fserver.js', '__proto__', 'constructor', 'search/', '%00']
  }
  for (const [status, addresses] of Object.entries(refused)) {
    for (const address of addresses) {
      const response = await server.fetch(address)
      assert.equal(response.status, Number(status), address)
      assert.equal(response.headers.get('content-type'), 'application/json')
      assert.equal(typeof (await response.json()).error, 'string')
    }
  }
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await server.fetch('search?q=a', { method, body: method === 'POST' ? 'x'.repeat(1e6) : undefined })
    assert.equal(response.status, 405, method)
  }
  assert.equal((await server.fetch('random')).status, 200)
  await server.stopsBy('SIGTERM')
})

check('what_is_no_http_does_not_harm', async server => {
  const { port } = new URL(server.url)
  for (const text of ['nonsense\r\n\r\n', 'GET \0 HTTP/1.1\r\n\r\n', `GET /${'a'.repeat(1e5)} HTTP/1.1\r\n\r\n`]) {
    const answer = await new Promise(resolve => {
      let heard = ''
      const socket = net.connect(port, '127.0.0.1', () => socket.write(text))
      socket.on('data', data => { heard += data }).on('error', () => {}).on('close', () => resolve(heard))
    })
    assert.match(answer, /^(HTTP\/1.1 4|$)/)
  }
  assert.equal((await server.fetch('random')).status, 200)
  await server.stopsBy('SIGTERM')
})

// ---- The loop goes on ----

check('small_requests_are_answered_while_a_report_runs', async server => {
  let isDone = false
  const report = server.report(100_000).finally(() => { isDone = true })
  await until(async () => (await server.json('status')).outstanding.reports > 0)
  let answered = 0
  for (; !isDone; answered++) {
    const [city] = await Promise.all([server.json('random'), server.json('search?q=new+y')])
    assert.equal(typeof city.name, 'string')
  }
  assert.ok(answered > 20, `${answered}`)
  const { done, total, longestPause } = (await report).at(-1)
  assert.equal(done, total)
  console.log(`measured: ${2 * answered} answers, the loop's longest pause was ${longestPause.toFixed(1)} ms`)
})

// The report that is dropped would take minutes.
check('a_dropped_report_is_cancelled_and_its_neighbour_is_not', async server => {
  const neighbour = server.report(100_000)
  const { controller } = await server.begin(15_000)
  const both = await server.json('status')
  assert.equal(both.outstanding.reports, 2)
  controller.abort()
  const { done, total } = (await neighbour).at(-1)
  assert.equal(done, total)
  await until(async () => (await server.json('status')).outstanding.reports === 0)
  await server.stopsBy('SIGTERM')
})

test('a_signal_cancels_a_search_and_no_other', { timeout: HANG_MS }, async t => {
  const cities = await Cities.open()
  t.after(() => cities.close())
  const controller = new AbortController()
  const before = Array.from({ length: 50 }, () => cities.search('s'))
  const dropped = cities.search('s', controller.signal)
  const after = cities.random()
  controller.abort()
  await assert.rejects(dropped, { code: 'SIDELITE_ERR_CANCELLED' })
  for (const found of await Promise.all(before)) assert.equal(found.length, 8)
  assert.equal(typeof (await after).name, 'string')
})

check('dropped_searches_leave_the_others_alone', async server => {
  const controllers = []
  const searches = Array.from({ length: 200 }, (_, i) => {
    const { signal } = controllers[i] = new AbortController()
    return server.json('search?q=s', { signal })
  })
  const settled = Promise.allSettled(searches)
  await searches[0]
  for (let i = 1; i < searches.length; i += 2) controllers[i].abort()
  const kept = (await settled).filter((_, i) => i % 2 === 0)
  for (const { status, value } of kept) assert.deepEqual([status, value?.length], ['fulfilled', 8])
  await until(async () => (await server.json('status')).outstanding.small === 0)
  await server.stopsBy('SIGTERM')
})

check('too_many_reports_are_refused', async server => {
  const running = []
  for (let i = 0; i < 4; i++) running.push(await server.begin(50_000))
  const refused = await server.fetch('report?people=50000')
  assert.deepEqual([refused.status, await refused.json()], [503, { error: 'too much is being asked: come again' }])
  running.pop().controller.abort()
  await until(async () => (await server.json('status')).outstanding.reports === 3)
  await server.begin(50_000)
  await server.stopsBy('SIGTERM')
})

// ---- The end ----

check('it_ends_while_all_is_at_work', async server => {
  const { port } = new URL(server.url)
  const sockets = ['', 'GET /rand', 'GET /random HTTP/1.1\r\nHost: a\r\n\r\n'].map(text =>
    net.connect(port, '127.0.0.1', function () { this.write(text) }).on('error', () => {}))
  // Asks for a report, and reads nothing of it.
  const deaf = net.connect(port, '127.0.0.1', () => {
    deaf.pause().write('GET /report?people=15000 HTTP/1.1\r\nHost: a\r\n\r\n')
  }).on('error', () => {})
  const { reader } = await server.begin(15_000)
  await until(async () => (await server.json('status')).outstanding.reports === 2)
  const small = Promise.allSettled(Array.from({ length: 20 }, () => server.json('random')))
  await server.stopsBy('SIGTERM')
  await assert.rejects(async () => { while (!(await reader.read()).done); }, 'a part of a report looks like the whole')
  await small
  for (const socket of [...sockets, deaf]) socket.destroy()
})

check('it_ends_by_the_keyboard', async server => {
  await server.json('random')
  await server.stopsBy('SIGINT')
})

test('it_says_why_it_cannot_begin', { timeout: HANG_MS }, async t => {
  const first = await Server.start(t)
  const { port } = new URL(first.url)
  for (const [argument, reason] of [[port, /EADDRINUSE/], ['x', /usage/], ['65536', /usage/], ['-1', /usage/]]) {
    const server = await Server.start(t, argument)
    const { code, stdout, stderr } = await server.ended
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, reason)
    assert.match(stderr, /^server: .*\n$/)
    assert.deepEqual(fs.readdirSync(server.folder), [])
  }
})
