'use strict'
// Transactions that no other caller can get into: a lease of the connection, and savepoints inside it.

const native = require('./native')
const signals = require('./signals')
const { SideliteError, status } = require('./errors')
const { kind, begin } = require('./layout')
const { Lane } = require('./lane')
const { oneOf, readTimeout, writeNothing } = require('./request')

const misuse = text => new SideliteError(status.MISUSE, text, { notRun: true })

// Takes requests until it ends, and none while another transaction is open inside of it.
class Transaction extends Lane {
  #inner = null
  #hasEnded = false
  #depth

  constructor (lane, id, depth) {
    super(lane.connection, id, lane)
    this.signal = lane.signal
    this.#depth = depth
  }

  check () {
    if (this.#hasEnded) throw misuse('the transaction has ended')
    if (this.#inner) throw misuse('a transaction is open inside of this one: use that')
    super.check()
  }

  refusal (code) {
    if (code !== status.BAD_HANDLE) return super.refusal(code)
    const text = 'the transaction is over: an error has rolled it back, or SQL has ended it'
    return new SideliteError(status.ABORTED, text, { notRun: true })
  }

  end () { this.#hasEnded = true }

  // Nested: a savepoint, undone alone when `body` throws.
  async transaction (body) {
    checkBody(body)
    this.check()
    const name = `sidelite_${this.#depth}`
    const begun = this.run(`SAVEPOINT ${name}`)
    const inner = this.#inner = new Transaction(this, this.id, this.#depth + 1)
    let value
    try {
      await begun
      value = await body(inner)
    } catch (error) {
      this.#leave(inner)
      // The reason is what is told: a rollback that fails as well has lost the whole transaction.
      await this.script(`ROLLBACK TO ${name}; RELEASE ${name}`).catch(() => {})
      throw error
    }
    this.#leave(inner)
    await this.run(`RELEASE ${name}`)
    return value
  }

  #leave (inner) {
    inner.end()
    this.#inner = null
  }
}

function checkBody (body) {
  if (typeof body !== 'function') throw new TypeError('transaction: the body is a function')
}

// Runs `body` with the sole use of the connection. Commits what it did, or rolls back when it throws.
async function transaction (connection, body, { mode = 'immediate', hold, signal, timeout } = {}) {
  checkBody(body)
  const modeNumber = begin[oneOf('mode', mode, Object.keys(begin))]
  const beginning = [modeNumber, hold === undefined ? null : readTimeout(hold, 'hold')]
  const id = await connection.command(kind.LEASE, beginning, { signal, timeout }, event => event.id)
  const tx = new Transaction(connection, id, 0)
  // What ends it is sent when the body can send nothing any more.
  const ending = new Transaction(connection, id, 0)
  // The signal stops what the body sends, and the lease itself.
  const lease = { cancel: () => native.cancel(connection.handle, id) }
  if (signal) {
    tx.signal = signal
    if (signal.aborted) lease.cancel()
    else signals.listen(signal, lease)
  }
  try {
    const value = await body(tx)
    tx.end()
    await ending.send(mode === 'none' ? kind.RELEASE : kind.COMMIT, writeNothing)
    return value
  } catch (error) {
    tx.end()
    // Refused when the lease has ended, as by an error that has rolled it back.
    await ending.send(kind.RELEASE, writeNothing).catch(() => {})
    throw signal?.aborted ? new SideliteError(status.CANCELLED, undefined, { cause: signal.reason }) : error
  } finally {
    if (signal) signals.leave(signal, lease)
  }
}

module.exports = { transaction, Transaction }
