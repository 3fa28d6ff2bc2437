'use strict'
// The table: times, and ratios within the same round, beside the bars that they are to be under.

const os = require('node:os')

const PEERS = ['sidelite', 'node-sqlite3', 'better-sqlite3']
const [OWN, ...OTHERS] = PEERS
const PLACES = ['file', 'memory']

const LINES = [
  { key: 'W1', label: 'W1 insert, batched', bars: { 'node-sqlite3': 0.4, 'better-sqlite3': 1.2 } },
  { key: 'W2', label: 'W2 insert each, 64 in flight', bars: { 'node-sqlite3': 0.2 } },
  { key: 'W3 pinned', label: 'W3 read, 1 in flight, one CPU', bars: { 'node-sqlite3': 0.6 } },
  { key: 'W3', label: 'W3 the same, any CPU', bars: {} },
  { key: 'W4', label: 'W4 read, 64 in flight', bars: { 'node-sqlite3': 0.2, 'better-sqlite3': 2.0 } },
  { key: 'W5', label: 'W5 read all, as objects', bars: { 'node-sqlite3': 0.35, 'better-sqlite3': 0.4 } },
  { key: 'W5r', label: 'W5 the same, row by row', bars: {} },
  { key: 'W6', label: 'W6 insert and commit each', bars: {} },
  { key: 'W7', label: 'W7 read, 4 connections', bars: { 'node-sqlite3': 0.4 } }
]

function median (values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function ratioText (own, theirs, bar) {
  const ratios = own.map((us, i) => us / theirs[i])
  const middle = median(ratios)
  const text = `${middle.toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`
  return bar === undefined ? text : `${text} <= ${bar.toFixed(2)} ${middle <= bar ? 'met' : 'MISSED'}`
}

// `series(peer, field)`: what was measured in each round.
function timesOf (series, bars) {
  const times = PEERS.map(peer => median(series(peer, 'us')).toFixed(2))
  return [...times, ...OTHERS.map(peer => ratioText(series(OWN, 'us'), series(peer, 'us'), bars[peer]))]
}

const pausesOf = series => PEERS.map(peer => median(series(peer, 'pause')).toFixed(0))

// The first two columns are words.
function printColumns (rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map(row => row[i].length)))
  for (const row of rows) {
    console.log(row.map((cell, i) => i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join('  '))
  }
}

// A row for each line and place that has the field in these rounds; its cells are what `cellsOf(series, bars)` gives.
function rowsOf (rounds, field, cellsOf) {
  return LINES.flatMap(({ key, label, bars }) => PLACES
    .filter(place => rounds[0][place][OWN][key]?.[field] !== undefined)
    .map(place => {
      const series = (peer, field) => rounds.map(round => round[place][peer][key][field])
      return [label, place, ...cellsOf(series, bars)]
    }))
}

function versions () {
  const peers = OTHERS.map(peer => require(`${peer.replace('node-', '')}/package.json`))
  const texts = peers.map(({ name, version }) => `${name} ${version}`)
  return `Node ${process.version}, ${texts.join(', ')}, ${os.availableParallelism()} CPUs`
}

// Of a quick run without the bars.
function print (rounds, isQuick) {
  const cellsOf = isQuick ? series => timesOf(series, {}) : timesOf
  console.log(`\n${versions()}; rounds: ${rounds.length}\n`)
  console.log('Microseconds for one operation, and the ratio to each peer in the same round: median (least-most)\n')
  printColumns([['', '', ...PEERS, ...OTHERS.map(peer => `/ ${peer}`)], ...rowsOf(rounds, 'us', cellsOf)])
  const pauses = rowsOf(rounds, 'pause', pausesOf)
  if (!pauses.length) return
  console.log("\nThe loop's longest pause, in milliseconds, as a timer of 1 ms sees it\n")
  printColumns([['', '', ...PEERS], ...pauses])
}

module.exports = { PEERS, PLACES, print }
