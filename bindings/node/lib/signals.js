'use strict'
// What an AbortSignal stops. It is listened to once for all that it stops: a signal may belong to thousands of
// requests.

const watched = new WeakMap()

class Watch {
  #tasks = new Set()
  #signal
  #onAbort = () => {
    // The newest first: none begins because the one before it has ended.
    for (const task of [...this.#tasks].reverse()) task.cancel()
  }

  constructor (signal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  add (task) { this.#tasks.add(task) }

  delete (task) {
    this.#tasks.delete(task)
    if (this.#tasks.size) return
    this.#signal.removeEventListener('abort', this.#onAbort)
    watched.delete(this.#signal)
  }
}

// From here on the signal cancels the task, until it is left.
function listen (signal, task) {
  if (!watched.has(signal)) watched.set(signal, new Watch(signal))
  watched.get(signal).add(task)
}

function leave (signal, task) { watched.get(signal)?.delete(task) }

module.exports = { listen, leave }
