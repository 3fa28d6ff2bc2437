'use strict'
// The options of a connection.

const { nameOf } = require('./encode')
const { openFlag, journal, synchronous } = require('./layout')
const { checkObject, oneOf, readIntegers, readRows, readTimeout } = require('./request')

const NO_WAIT = -1
const NO_CACHE = 2 ** 32 - 1
const MAX_INT32 = 2 ** 31 - 1
const MAX_UINT32 = 2 ** 32 - 1

const FLAGS = {
  readonly: openFlag.READONLY,
  uri: openFlag.URI,
  memory: openFlag.MEMORY,
  nofollow: openFlag.NOFOLLOW,
  sharedCache: openFlag.SHARED_CACHE,
  foreignKeys: openFlag.FOREIGN_KEYS,
  untrusted: openFlag.UNTRUSTED,
  extensions: openFlag.EXTENSIONS
}

const OTHERS = [
  'hardened', 'create', 'busyTimeout', 'statementCache', 'maxRequests', 'maxBytes', 'maxResultBytes', 'journalMode',
  'synchronous', 'vfs', 'pragmas', 'integers', 'rows', 'changeValues'
]

function readFlag (options, name, otherwise) {
  const value = options[name] ?? otherwise
  if (typeof value !== 'boolean') throw new TypeError(`${name}: true or false, not ${nameOf(value)}`)
  return value
}

function readCount (options, name, most, otherwise) {
  const value = options[name]
  if (value === undefined) return otherwise
  if (Number.isInteger(value) && value > 0 && value <= most) return value
  throw new RangeError(`${name}: a whole number from 1 to ${most}`)
}

function readChoice (options, name, choices) {
  const value = options[name]
  return value === undefined ? 0 : choices[oneOf(name, value, Object.keys(choices))]
}

function flagsOf (options) {
  let flags = readFlag(options, 'hardened', true) ? openFlag.HARDENED : 0
  for (const name in FLAGS) if (readFlag(options, name, false)) flags |= FLAGS[name]
  return readFlag(options, 'create', true) ? flags : flags | openFlag.NO_CREATE
}

// In C, 0 says that the default is meant.
function busyTimeoutOf ({ busyTimeout }) {
  if (busyTimeout === undefined) return 0
  return Math.min(readTimeout(busyTimeout, 'busyTimeout'), MAX_INT32) || NO_WAIT
}

function cacheOf (options) {
  return options.statementCache === 0 ? NO_CACHE : readCount(options, 'statementCache', MAX_INT32, 0)
}

function textsOf ({ vfs, pragmas = [] }) {
  const isText = text => typeof text === 'string' && !text.includes('\0') && text.isWellFormed()
  if (vfs !== undefined && !isText(vfs)) throw new TypeError('vfs: a text')
  if (!Array.isArray(pragmas) || !pragmas.every(isText)) {
    throw new TypeError("pragmas: an array of texts such as 'cache_size=-8000'")
  }
  return { vfs, pragmas }
}

// As native code reads them. What may be out is not bounded unless asked for: a program that awaits nothing is no
// defect.
function configOf (options) {
  return {
    flags: flagsOf(options),
    busyTimeout: busyTimeoutOf(options),
    statementCache: cacheOf(options),
    maxRequests: readCount(options, 'maxRequests', MAX_UINT32, MAX_UINT32),
    maxBytes: readCount(options, 'maxBytes', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    maxResultBytes: readCount(options, 'maxResultBytes', MAX_INT32, 0),
    journalMode: readChoice(options, 'journalMode', journal),
    synchronous: readChoice(options, 'synchronous', synchronous),
    ...textsOf(options)
  }
}

// What the connection itself wants to know.
function habitsOf (options) {
  return {
    integers: readIntegers(options.integers ?? 'number'),
    asArrays: readRows(options.rows ?? 'object'),
    withValues: readFlag(options, 'changeValues', false)
  }
}

// A wrong name is no option that is switched off.
function checkNames (options) {
  checkObject(options)
  const unknown = Object.keys(options).find(name => !(name in FLAGS) && !OTHERS.includes(name))
  if (unknown === undefined) return
  throw new TypeError(`no option '${unknown}': ${[...Object.keys(FLAGS), ...OTHERS].join(', ')}`)
}

module.exports = { checkNames, configOf, habitsOf }
