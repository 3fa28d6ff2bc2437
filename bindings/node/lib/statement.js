'use strict'
// A statement to be run many times. It is a text and a lane: sidelite keeps what was prepared, by its text.

class Statement {
  #lane
  #sql

  constructor (lane, sql) {
    if (typeof sql !== 'string') throw new TypeError('the SQL is not a string')
    this.#lane = lane
    this.#sql = sql
  }

  get sql () { return this.#sql }

  run (parameters, options) { return this.#lane.run(this.#sql, parameters, options) }
  execute (parameters, options) { return this.#lane.execute(this.#sql, parameters, options) }
  all (parameters, options) { return this.#lane.all(this.#sql, parameters, options) }
  values (parameters, options) { return this.#lane.values(this.#sql, parameters, options) }
  get (parameters, options) { return this.#lane.get(this.#sql, parameters, options) }
  runMany (rows, options) { return this.#lane.runMany(this.#sql, rows, options) }
  stream (parameters, options) { return this.#lane.stream(this.#sql, parameters, options) }

  describe (options) { return this.#lane.describe(this.#sql, options) }
  async columns (options) { return (await this.describe(options)).columns }
  async parameters (options) { return (await this.describe(options)).parameters }
}

// Rows of item, position, name, type, schema, table, origin, readonly, sql.
function toDescription ({ block }) {
  const description = { readonly: false, columns: [], parameters: [] }
  for (const [item, position, name, type, schema, table, origin, readonly] of block.arrays()) {
    if (item === 'statement') description.readonly = readonly === 1
    else if (item === 'column') description.columns.push({ name, type, schema, table, column: origin })
    else description.parameters.push({ position, name })
  }
  return description
}

module.exports = { Statement, toDescription }
