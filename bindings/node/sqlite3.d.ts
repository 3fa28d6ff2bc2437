// sidelite/sqlite3: the types of the package `sqlite3`, so that programs written for it compile unchanged.

/// <reference types="node" />

import events = require('events')

export const OPEN_READONLY: number
export const OPEN_READWRITE: number
export const OPEN_CREATE: number
export const OPEN_FULLMUTEX: number
export const OPEN_URI: number
export const OPEN_SHAREDCACHE: number
export const OPEN_PRIVATECACHE: number

export const VERSION: string
export const SOURCE_ID: string
export const VERSION_NUMBER: number

export const OK: number
export const ERROR: number
export const INTERNAL: number
export const PERM: number
export const ABORT: number
export const BUSY: number
export const LOCKED: number
export const NOMEM: number
export const READONLY: number
export const INTERRUPT: number
export const IOERR: number
export const CORRUPT: number
export const NOTFOUND: number
export const FULL: number
export const CANTOPEN: number
export const PROTOCOL: number
export const EMPTY: number
export const SCHEMA: number
export const TOOBIG: number
export const CONSTRAINT: number
export const MISMATCH: number
export const MISUSE: number
export const NOLFS: number
export const AUTH: number
export const FORMAT: number
export const RANGE: number
export const NOTADB: number

export const LIMIT_LENGTH: number
export const LIMIT_SQL_LENGTH: number
export const LIMIT_COLUMN: number
export const LIMIT_EXPR_DEPTH: number
export const LIMIT_COMPOUND_SELECT: number
export const LIMIT_VDBE_OP: number
export const LIMIT_FUNCTION_ARG: number
export const LIMIT_ATTACHED: number
export const LIMIT_LIKE_PATTERN_LENGTH: number
export const LIMIT_VARIABLE_NUMBER: number
export const LIMIT_TRIGGER_DEPTH: number
export const LIMIT_WORKER_THREADS: number

/** What callbacks get for an error, and `error` events. */
export interface SqliteError extends Error {
  /** The name of the primary code: 'SQLITE_CONSTRAINT'. */
  code: string
  /** Its number: 19. */
  errno: number
}

export const cached: {
  Database (filename: string, callback?: (this: Database, err: Error | null) => void): Database
  Database (filename: string, mode?: number, callback?: (this: Database, err: Error | null) => void): Database
  objects: Record<string, Database>
}

/** `this` in the callback of run(). */
export interface RunResult extends Statement {
  /** The rowid of the last row that this connection has inserted. */
  lastID: number
  /** Rows inserted, updated or deleted by this statement; 0 for others. */
  changes: number
}

export class Statement extends events.EventEmitter {
  constructor (database: Database, sql: string, callback?: (this: Statement, err: Error | null) => void)

  readonly sql: string

  bind (callback?: (this: Statement, err: Error | null) => void): this
  bind (...params: any[]): this

  reset (callback?: (this: Statement, err: null) => void): this

  finalize (callback?: (this: Statement, err?: Error) => void): Database

  run (callback?: (this: RunResult, err: Error | null) => void): this
  run (params: any, callback?: (this: RunResult, err: Error | null) => void): this
  run (...params: any[]): this

  /** The next row; undefined behind the last, until reset() or new parameters begin anew. */
  get<T> (callback?: (this: RunResult, err: Error | null, row?: T) => void): this
  get<T> (params: any, callback?: (this: RunResult, err: Error | null, row?: T) => void): this
  get (...params: any[]): this

  all<T> (callback?: (this: RunResult, err: Error | null, rows: T[]) => void): this
  all<T> (params: any, callback?: (this: RunResult, err: Error | null, rows: T[]) => void): this
  all (...params: any[]): this

  /** Row after row; no more of them in memory than are on their way. */
  each<T> (callback?: (this: RunResult, err: Error | null, row: T) => void,
    complete?: (this: RunResult, err: Error | null, count: number) => void): this
  each<T> (params: any, callback?: (this: RunResult, err: Error | null, row: T) => void,
    complete?: (this: RunResult, err: Error | null, count: number) => void): this
  each (...params: any[]): this

  /** An object: the first column leads to the second or, where there are more, to the row. */
  map<T> (callback?: (this: Statement, err: Error | null, result: Record<string, T>) => void): this
  map<T> (params: any, callback?: (this: Statement, err: Error | null, result: Record<string, T>) => void): this
  map (...params: any[]): this
}

export class Backup extends events.EventEmitter {
  constructor (database: Database, filename: string, sourceName: string, destName: string, filenameIsDest: boolean,
    callback?: (this: Backup, err: Error | null) => void)

  readonly filename: string
  readonly sourceName: string
  readonly destName: string
  readonly filenameIsDest: boolean

  /** Nothing of it is under way. */
  readonly idle: boolean
  readonly completed: boolean
  readonly failed: boolean
  /** Pages to be copied yet, as of the last step; -1 before the first. */
  readonly remaining: number
  /** Pages in all, as of the last step; -1 before the first. */
  readonly pageCount: number
  /** Codes after which a step may be tried again; BUSY and LOCKED. */
  retryErrors: number[]

  /** Copies so many pages, -1 for all. */
  step (pages: number, callback?: (this: Backup, err: Error | null, completed: boolean) => void): this
  /** Ends it. Until then the database cannot be closed. */
  finish (callback?: (this: Backup, err?: Error) => void): this
}

export class Database extends events.EventEmitter {
  constructor (filename: string, callback?: (this: Database, err: Error | null) => void)
  constructor (filename: string, mode?: number, callback?: (this: Database, err: Error | null) => void)

  readonly filename: string
  readonly mode: number
  readonly open: boolean

  /** SQLITE_BUSY while there are statements that are not finalized; it stays usable then. */
  close (callback?: (this: Database, err: Error | null) => void): this

  run (sql: string, callback?: (this: RunResult, err: Error | null) => void): this
  run (sql: string, params: any, callback?: (this: RunResult, err: Error | null) => void): this
  run (sql: string, ...params: any[]): this

  get<T> (sql: string, callback?: (this: Statement, err: Error | null, row: T) => void): this
  get<T> (sql: string, params: any, callback?: (this: Statement, err: Error | null, row: T) => void): this
  get (sql: string, ...params: any[]): this

  all<T> (sql: string, callback?: (this: Statement, err: Error | null, rows: T[]) => void): this
  all<T> (sql: string, params: any, callback?: (this: Statement, err: Error | null, rows: T[]) => void): this
  all (sql: string, ...params: any[]): this

  each<T> (sql: string, callback?: (this: Statement, err: Error | null, row: T) => void,
    complete?: (this: Statement, err: Error | null, count: number) => void): this
  each<T> (sql: string, params: any, callback?: (this: Statement, err: Error | null, row: T) => void,
    complete?: (this: Statement, err: Error | null, count: number) => void): this
  each (sql: string, ...params: any[]): this

  map<T> (sql: string, callback?: (this: Statement, err: Error | null, result: Record<string, T>) => void): this
  map<T> (sql: string, params: any,
    callback?: (this: Statement, err: Error | null, result: Record<string, T>) => void): this
  map (sql: string, ...params: any[]): this

  exec (sql: string, callback?: (this: Database, err: Error | null) => void): this

  prepare (sql: string, callback?: (this: Statement, err: Error | null) => void): Statement
  prepare (sql: string, params: any, callback?: (this: Statement, err: Error | null) => void): Statement
  prepare (sql: string, ...params: any[]): Statement

  /** What is called within `callback`, or from here on, does not begin before what was called earlier has ended. */
  serialize (callback?: (this: Database) => void): this
  parallelize (callback?: (this: Database) => void): this

  backup (filename: string, callback?: (this: Backup, err: Error | null) => void): Backup
  backup (filename: string, sourceName: string, destName: string, filenameIsDest: boolean,
    callback?: (this: Backup, err: Error | null) => void): Backup

  on (event: 'trace', listener: (sql: string) => void): this
  on (event: 'profile', listener: (sql: string, time: number) => void): this
  on (event: 'change', listener: (type: string, database: string, table: string, rowid: number) => void): this
  on (event: 'error', listener: (err: Error) => void): this
  on (event: 'open' | 'close', listener: () => void): this
  on (event: string, listener: (...args: any[]) => void): this

  configure (option: 'busyTimeout', value: number): this
  configure (option: 'limit', id: number, value: number): this
  configure (option: 'trace' | 'profile' | 'change', value: any): this

  loadExtension (filename: string, callback?: (this: Database, err: Error | null) => void): this

  wait (callback?: (this: Database, err: null) => void): this

  interrupt (): this
}

export function verbose (): sqlite3

export interface sqlite3 {
  OPEN_READONLY: number
  OPEN_READWRITE: number
  OPEN_CREATE: number
  OPEN_FULLMUTEX: number
  OPEN_URI: number
  OPEN_SHAREDCACHE: number
  OPEN_PRIVATECACHE: number
  VERSION: string
  SOURCE_ID: string
  VERSION_NUMBER: number
  OK: number
  ERROR: number
  INTERNAL: number
  PERM: number
  ABORT: number
  BUSY: number
  LOCKED: number
  NOMEM: number
  READONLY: number
  INTERRUPT: number
  IOERR: number
  CORRUPT: number
  NOTFOUND: number
  FULL: number
  CANTOPEN: number
  PROTOCOL: number
  EMPTY: number
  SCHEMA: number
  TOOBIG: number
  CONSTRAINT: number
  MISMATCH: number
  MISUSE: number
  NOLFS: number
  AUTH: number
  FORMAT: number
  RANGE: number
  NOTADB: number
  LIMIT_LENGTH: number
  LIMIT_SQL_LENGTH: number
  LIMIT_COLUMN: number
  LIMIT_EXPR_DEPTH: number
  LIMIT_COMPOUND_SELECT: number
  LIMIT_VDBE_OP: number
  LIMIT_FUNCTION_ARG: number
  LIMIT_ATTACHED: number
  LIMIT_LIKE_PATTERN_LENGTH: number
  LIMIT_VARIABLE_NUMBER: number
  LIMIT_TRIGGER_DEPTH: number
  LIMIT_WORKER_THREADS: number

  cached: typeof cached
  RunResult: RunResult
  Statement: typeof Statement
  Database: typeof Database
  Backup: typeof Backup
  verbose (): this
}
