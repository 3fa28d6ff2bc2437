'use strict'
// The symbol of `await using`, which Node has from 20.5 on.

if (!Symbol.asyncDispose) Object.defineProperty(Symbol, 'asyncDispose', { value: Symbol('Symbol.asyncDispose') })

module.exports = { asyncDispose: Symbol.asyncDispose }
