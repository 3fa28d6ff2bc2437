'use strict'
// A web server over 34,006 cities. It has one thread of JavaScript, and goes on answering while a report runs for
// seconds; its page shows that.
//
//   node examples/node/server.js [PORT]      8080; 0 is any that is free
//
// The binding is required from where it stands: run `npm install` in bindings/node once.

const { once } = require('node:events')
const { readFileSync } = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const { monitorEventLoopDelay } = require('node:perf_hooks')
const { Cities } = require('./cities')

const RESOLUTION_MS = 1
const GRACE_MS = 1000
const REFUSED = { // what is no defect of the server
  SIDELITE_ERR_FULL: [503, 'too much is being asked: come again'],
  SIDELITE_ERR_CANCELLED: [503, 'the server is being stopped'],
  SIDELITE_ERR_CLOSED: [503, 'the server is being stopped'],
  SIDELITE_ERR_TIMEOUT: [504, 'it takes too long']
}

let isStopping = false // connections are not kept then

// ---- What is served ----

function page (name, type) {
  return { type: `${type}; charset=utf-8`, body: readFileSync(path.join(__dirname, 'page', name)) }
}

const PAGES = new Map([
  ['/', page('index.html', 'text/html')],
  ['/page.css', page('page.css', 'text/css')],
  ['/page.js', page('page.js', 'text/javascript')]
])

// Each gives a value, or lines of them as they come. `signal` is aborted when the client is gone.
const QUERIES = new Map([
  ['/random', ({ cities }, query, signal) => cities.random(signal)],
  ['/search', ({ cities }, query, signal) => cities.search(text(query, 'q', 100), signal)],
  ['/report', ({ cities }, query, signal) => measured(cities.report(number(query, 'people', 15e3, 1e6), signal))],
  ['/status', ({ cities, loop }) => ({ longestPause: longestPause(loop), outstanding: cities.outstanding })]
])

// ---- Parameters ----

class Refusal extends Error {
  constructor (status, message) {
    super(message)
    this.status = status
  }
}

function text (query, name, most) {
  const values = query.getAll(name)
  if (values.length === 1 && values[0].length > 0 && values[0].length <= most) return values[0]
  throw new Refusal(400, `${name}: once, from 1 to ${most} characters`)
}

function number (query, name, least, most) {
  const value = text(query, name, 20)
  if (/^\d+$/.test(value) && value >= least && value <= most) return Number(value)
  throw new Refusal(400, `${name}: a whole number from ${least} to ${most}`)
}

// ---- The loop ----

function watchLoop () {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  loop.enable()
  return loop
}

// In milliseconds. It is seen as a timer that comes late.
const longestPause = loop => Math.max(0, loop.max / 1e6 - RESOLUTION_MS)

// Lines, each with the longest pause of the loop since the first was asked for.
async function * measured (lines) {
  const loop = watchLoop()
  try {
    for await (const line of lines) yield { ...line, longestPause: longestPause(loop) }
  } finally {
    loop.disable()
  }
}

// ---- Answers ----

function begin (response, status, type) {
  const connection = isStopping ? 'close' : 'keep-alive'
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', allow: 'GET', connection })
}

function answer (response, status, value) {
  begin(response, status, 'application/json')
  response.end(JSON.stringify(value))
}

// One value in each line, no faster than the client takes them. What fails at first still has a status.
async function answerLines (response, lines, signal) {
  for await (const line of lines) {
    if (!response.headersSent) begin(response, 200, 'application/x-ndjson')
    if (!response.write(JSON.stringify(line) + '\n')) await once(response, 'drain', { signal })
  }
  response.end()
}

// A report that breaks off is destroyed, so that nobody takes it for a whole one.
function refuse (response, error) {
  if (response.headersSent || response.destroyed) return response.destroy()
  const [status, message] = REFUSED[error.code] ?? (error instanceof Refusal ? [error.status, error.message] : [500])
  if (status === 500) console.error(error)
  answer(response, status, { error: message ?? 'a defect of the server' })
}

function urlOf (request) {
  if (request.method !== 'GET') throw new Refusal(405, `no ${request.method}`)
  if (!URL.canParse(request.url, 'http://localhost')) throw new Refusal(400, 'no address')
  return new URL(request.url, 'http://localhost')
}

async function serve (context, request, response) {
  const { pathname, searchParams } = urlOf(request)
  const page = PAGES.get(pathname)
  if (page) {
    begin(response, 200, page.type)
    return response.end(page.body)
  }
  const ask = QUERIES.get(pathname)
  if (!ask) throw new Refusal(404, `no ${pathname}`)
  // A browser drops a search when the next key is hit: exactly its query is cancelled, queued or running.
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const value = await ask(context, searchParams, gone.signal)
  if (Symbol.asyncIterator in value) await answerLines(response, value, gone.signal)
  else answer(response, 200, value)
}

// ---- Its life ----

async function stop (server, cities) {
  const closed = once(server, 'close')
  isStopping = true
  server.close()
  await cities.close()
  // Of clients that hold a connection without asking for anything.
  setTimeout(() => server.closeAllConnections(), GRACE_MS).unref()
  await closed
}

async function main (port = '8080') {
  if (!/^\d+$/.test(port) || port > 65_535) throw new Error('usage: node server.js [PORT]')
  const signalled = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  const cities = await Cities.open()
  try {
    const context = { cities, loop: watchLoop() }
    const server = http.createServer((request, response) => {
      serve(context, request, response).catch(error => refuse(response, error))
    })
    await once(server.listen(Number(port), '127.0.0.1'), 'listening')
    console.log(`http://127.0.0.1:${server.address().port}/`)
    await signalled
    await stop(server, cities)
  } finally {
    await cities.close()
  }
}

main(process.argv[2]).catch(error => {
  console.error(`server: ${error.message}`)
  process.exitCode = 1
})
