'use strict'
// A process of its own for one peer in one round: runs workloads and writes what they took.

const { TRIES, fill, openDatabase, workloads } = require('./workloads')

// So much of a workload runs first, untimed: what is compiled while it runs does not count.
const WARM_UP = 1 / 20

async function prepare ({ peer, readPath, rows }) {
  const db = await openDatabase(peer, readPath)
  if (readPath === ':memory:') await fill(db, rows)
  return db
}

// The best of some tries: what else the machine does only ever makes slower.
async function best (tries, work) {
  const results = []
  for (let i = 0; i < tries; i++) results.push(await work())
  return results.reduce((best, result) => result.us < best.us ? result : best)
}

async function run ({ file, counts, rows, ...paths }) {
  const peer = require(file)
  const setting = { peer, rows, ...paths }
  setting.db = await prepare(setting)
  const results = {}
  for (const [name, n] of Object.entries(counts)) {
    await workloads[name](setting, Math.ceil(n * WARM_UP))
    results[name] = await best(TRIES[name] ?? 1, () => workloads[name](setting, n))
  }
  await setting.db.close()
  return results
}

// Makes the file that all peers read.
async function makeFile ({ file, readPath, rows }) {
  const db = await openDatabase(require(file), readPath)
  await fill(db, rows)
  await db.close()
}

const task = JSON.parse(process.argv[2])
const work = task.counts ? run(task) : makeFile(task)
work.then(results => console.log(JSON.stringify(results ?? {})))
