'use strict'
// Arguments are looked at as node-sqlite3 does, in its words.

function optionalFunction (value, index) {
  if (value !== undefined && typeof value !== 'function') throw new TypeError(`Argument ${index} must be a function`)
  return value
}

function requiredString (value, index) {
  if (typeof value !== 'string') throw new TypeError(`Argument ${index} must be a string`)
  return value
}

function requiredNumber (value, index) {
  if (typeof value !== 'number') throw new TypeError(`Argument ${index} must be an integer`)
  return value | 0
}

module.exports = { optionalFunction, requiredString, requiredNumber }
