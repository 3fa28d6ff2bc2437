'use strict'
// Long stack traces: an error that comes in a callback tells who has made the call.

const util = require('node:util')

const METHODS = {
  Database: ['prepare', 'get', 'run', 'all', 'each', 'map', 'close', 'exec'],
  Statement: ['bind', 'get', 'run', 'all', 'each', 'map', 'reset', 'finalize']
}

const traced = new WeakSet() // callbacks that tell already
const told = new WeakSet() // errors that were

const linesOf = error => error.stack.split('\n').filter(line => !line.includes(__filename))

function extend (prototype, method) {
  const original = prototype[method]
  prototype[method] = function (...args) {
    const callback = args.at(-1)
    if (typeof callback !== 'function' || traced.has(callback)) return original.apply(this, args)
    const here = new Error()
    const shown = args.map(argument => util.inspect(argument, false, 0)).join(', ')
    const call = `${this.constructor.name}#${method}(${shown})`
    args[args.length - 1] = function (error, ...results) {
      if (error?.stack && !told.has(error)) {
        error.stack = [...linesOf(error), `--> in ${call}`, ...linesOf(here).slice(1)].join('\n')
        told.add(error)
      }
      return callback.call(this, error, ...results)
    }
    traced.add(args.at(-1))
    return original.apply(this, args)
  }
}

let isVerbose = false

function verbose (classes) {
  if (isVerbose) return
  isVerbose = true
  for (const [name, methods] of Object.entries(METHODS)) {
    for (const method of methods) extend(classes[name].prototype, method)
  }
}

module.exports = { verbose }
