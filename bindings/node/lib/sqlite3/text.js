'use strict'
// What is known of SQL from its text alone: where its first statement ends, since what comes behind it is ignored, and
// which parameters it has, since those that are not given are NULL. sidelite itself wants one statement and all values.

const TOKEN = new RegExp([
  '--[^\\n]*', '/\\*[^]*?(?:\\*/|$)', '\\s+', // a blank: one that matches here has no group
  '(\'(?:[^\']|\'\')*\'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|\\[[^\\]]*\\]?)',
  '(\\?\\d*|[:@#$](?:[\\w$\\x80-\\uffff]|::)+(?:\\([^)\\s]*\\))?)',
  '([\\w$\\x80-\\uffff]+)',
  '(;)',
  '[^]'
].join('|'), 'y')

// Verbs of statements that run beside a SELECT that is open on the same connection.
const PLAIN = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'WITH', 'VALUES', 'EXPLAIN', 'BEGIN',
  'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT', 'RELEASE'])

const WRITER = /\b(?:insert|update|delete|replace)\b/i
const TRIGGER = /^(?:EXPLAIN (?:QUERY PLAN )?)?CREATE (?:TEMP |TEMPORARY )?TRIGGER$/

// The names of parameters by their numbers, from 1; undefined for those without.
class Parameters {
  names = []
  count = 0

  add (token) {
    if (token === '?') {
      this.count++
    } else if (token[0] === '?') {
      const number = Number(token.slice(1))
      // More are refused by SQLite, whose words the caller is to hear.
      if (number <= 32766) this.count = Math.max(this.count, number)
      this.names[number] ??= token
    } else if (!this.names.includes(token)) {
      this.names[++this.count] = token
    }
  }

  // 0 when there is none, as sqlite3_bind_parameter_index has it.
  indexOf (name) { return Math.max(this.names.indexOf(name), 0) }
}

class Text {
  parameters = new Parameters()
  isBlank = true
  isPlain = true // runs beside a SELECT that is open
  isQuery = true // may be run again, since it changes nothing

  constructor (sql) {
    this.sql = sql
    this.#scan()
    this.noValues = new Array(this.parameters.count)
  }

  #scan () {
    const words = [] // the first ones
    let isTrigger = false
    let before = '' // the token before, in capitals
    TOKEN.lastIndex = 0
    for (let match; (match = TOKEN.exec(this.sql));) {
      const [token, quoted, parameter, word, semicolon] = match
      if (quoted === undefined && parameter === undefined && word === undefined && semicolon === undefined &&
        (token.length > 1 || token.trim() === '')) continue
      if (semicolon !== undefined) {
        if (this.isBlank) continue
        if (!isTrigger || before === '; END') {
          this.sql = this.sql.slice(0, TOKEN.lastIndex)
          break
        }
        before = ';'
        continue
      }
      this.isBlank = false
      if (parameter !== undefined) this.parameters.add(parameter)
      const capitals = word === undefined ? '' : word.toUpperCase()
      before = before === ';' && capitals === 'END' ? '; END' : capitals
      if (words.length >= 6) continue
      words.push(capitals)
      isTrigger ||= TRIGGER.test(words.join(' '))
    }
    this.isPlain = this.isBlank || PLAIN.has(words[0])
    this.isQuery = words[0] === 'SELECT' || words[0] === 'VALUES' || (words[0] === 'WITH' && !WRITER.test(this.sql))
  }
}

// Few programs have many texts; those that make a new one for each call pay for it once.
const texts = new Map()
const TEXTS_MAX = 1000
const LONG = 16384

function textOf (sql) {
  let text = texts.get(sql)
  if (text !== undefined) return text
  const end = sql.indexOf('\0')
  text = new Text((end < 0 ? sql : sql.slice(0, end)).toWellFormed())
  if (sql.length > LONG) return text
  if (texts.size >= TEXTS_MAX) texts.clear()
  texts.set(sql, text)
  return text
}

module.exports = { textOf }
