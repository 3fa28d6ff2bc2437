'use strict'
// Rounds of all peers in turn, each in a process of its own, and the table of what they took.

const { spawnSync } = require('node:child_process')
const { mkdirSync, rmSync } = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { PEERS, PLACES, print } = require('./table')
const { COUNTS } = require('./workloads')

const FOLDER = path.join(__dirname, '..', '..', '..', 'build', 'bench-node')
const WRITTEN = path.join(FOLDER, 'written.db')
const READ = path.join(FOLDER, 'read.db')
const QUICK = 100

function readArguments () {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string', default: Object.keys(COUNTS).join() }
    }
  })
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds: a number of rounds')
  const names = values.only.split(',')
  const unknown = names.find(name => !(name in COUNTS))
  if (unknown !== undefined) throw new RangeError(`--only: ${Object.keys(COUNTS).join(', ')}, not '${unknown}'`)
  return { isQuick: values.quick, rounds, names }
}

class Bench {
  #names
  #divisor

  constructor ({ names, isQuick }) {
    this.#names = names
    this.#divisor = isQuick ? QUICK : 1
  }

  #count (name) { return Math.ceil(COUNTS[name] / this.#divisor) }

  #run (task, isPinned) {
    const json = JSON.stringify({ rows: this.#count('W5'), ...task })
    const child = [process.execPath, '--expose-gc', path.join(__dirname, 'child.js'), json]
    const [command, ...args] = isPinned ? ['taskset', '-c', '0', ...child] : child
    const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    if (result.error) throw result.error
    if (result.status !== 0) throw new Error(`a process of ${task.file} has failed`)
    return JSON.parse(result.stdout)
  }

  #measure (task, names, isPinned) {
    if (!names.length) return {}
    return this.#run({ ...task, counts: Object.fromEntries(names.map(name => [name, this.#count(name)])) }, isPinned)
  }

  // What a peer takes in one place: { W1: { us }, ..., 'W3 pinned': { us } }.
  #peer (peer, place) {
    const isFile = place === 'file'
    const file = `./peers/${peer}`
    const task = isFile ? { file, path: WRITTEN, readPath: READ } : { file, path: ':memory:', readPath: ':memory:' }
    const pinned = this.#measure(task, this.#names.filter(name => name === 'W3'), true)
    return {
      ...this.#measure(task, this.#names.filter(name => isFile || name !== 'W7')),
      'W3 pinned': pinned.W3
    }
  }

  // The peer that begins is another one each time: what the machine does meanwhile does not always hit the same.
  round (number) {
    return Object.fromEntries(PLACES.map(place => {
      const peers = PEERS.map((_, i) => PEERS[(i + number) % PEERS.length])
      return [place, Object.fromEntries(peers.map(peer => {
        process.stderr.write(`round ${number + 1}: ${peer}, ${place}\n`)
        return [peer, this.#peer(peer, place)]
      }))]
    }))
  }

  // The file that all peers read.
  prepare () { this.#run({ file: './peers/sidelite', readPath: READ }) }
}

function main () {
  const options = readArguments()
  const bench = new Bench(options)
  mkdirSync(FOLDER, { recursive: true })
  try {
    bench.prepare()
    print(Array.from({ length: options.rounds }, (_, number) => bench.round(number)), options.isQuick)
  } finally {
    rmSync(FOLDER, { recursive: true })
  }
}

try {
  main()
} catch (error) {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
}
