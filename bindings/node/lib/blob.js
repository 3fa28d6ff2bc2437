'use strict'
// A BLOB or TEXT cell, read and written in parts.

const { asyncDispose } = require('./dispose')
const { kind } = require('./layout')

const toCell = ({ block }) => block.cell(block.row(0))

class OpenBlob {
  #lane
  #handle
  #size

  constructor (lane, handle, size) {
    this.#lane = lane
    this.#handle = handle
    this.#size = size
  }

  // Bytes; they cannot become more or fewer.
  get size () { return this.#size }

  read (offset = 0, length, options) {
    return this.#lane.command(kind.BLOB_READ, [this.#handle, offset, length], options, toCell)
  }

  write (data, offset = 0, options) {
    return this.#lane.command(kind.BLOB_WRITE, [this.#handle, data, offset], options)
  }

  // Moves to the same column of another row.
  async reopen (rowid, options) {
    const toCells = ({ block }) => block.arrays()[0]
    const [, size] = await this.#lane.command(kind.BLOB_REOPEN, [this.#handle, rowid], options, toCells)
    this.#size = Number(size)
  }

  close (options) {
    return this.#lane.command(kind.BLOB_CLOSE, [this.#handle], options)
  }

  async [asyncDispose] () { await this.close() }
}

module.exports = { OpenBlob }
