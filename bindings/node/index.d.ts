/// <reference types="node" />
/**
 * sidelite: asynchronous SQLite.
 *
 * Every connection has a thread of its own. Calls put work on it and return promises; those of one connection run in
 * the order in which they were made. What is wrong with a call (a value that is none of SQLite's, an unknown option, a
 * closed connection) rejects its promise too, before anything is sent; only `stream`, `prepare`, `on` and `zeroBlob`
 * throw.
 */
import type { Readable, ReadableOptions } from 'node:stream'

/**
 * What a parameter may be. Nothing is converted by methods of its own: other objects, symbols, functions and
 * `undefined` are a TypeError.
 *
 * - number: INTEGER where it is a safe integer, else REAL; -0 is REAL, NaN becomes NULL
 * - bigint: INTEGER; a RangeError outside of 64 bits
 * - boolean: INTEGER 0 or 1
 * - string: TEXT; one with a lone surrogate is a TypeError
 * - Date: TEXT, in UTC, 'YYYY-MM-DD HH:MM:SS.SSS', which SQLite's date functions read; years 0 to 9999
 * - ArrayBuffer and views (Buffer, Uint8Array, ...): BLOB, copied
 */
export type Value =
  | null | number | bigint | boolean | string | Date | ArrayBuffer | SharedArrayBuffer | ArrayBufferView | ZeroBlob

/**
 * What a cell is. INTEGER is a number, or with `integers: 'bigint'` a bigint; as a number, one that is no safe integer
 * is a RangeError that says so. BLOB is a Buffer of its own.
 */
export type Cell = null | number | bigint | string | Buffer

/** By position, or by name, with or without `:`, `@` or `$`. Names that the statement does not have are ignored. */
export type Parameters = readonly Value[] | { readonly [name: string]: Value } | null

/** Of columns of one name the last. */
export interface Row { [column: string]: any }

/** A BLOB of zero bytes as a parameter, to be written in parts (`blob`). */
declare class ZeroBlob { private readonly zeroBlob: never }
export function zeroBlob (length: number): ZeroBlob

/** What every call takes. */
export interface CallOptions {
  /** Cancels this request and no other: queued, running, or waiting for a lock. It ends with SIDELITE_ERR_CANCELLED,
   * and the signal's reason as `cause`; what is queued at once, and never runs. */
  signal?: AbortSignal
  /** Milliseconds from the call on, after which it ends with SIDELITE_ERR_TIMEOUT, likewise at once. */
  timeout?: number
  /** INTEGERs as numbers or as bigints; without it as the connection has it. */
  integers?: 'number' | 'bigint'
}

export interface RowOptions extends CallOptions {
  /** Without it as the connection has it. `values` always gives arrays. */
  rows?: 'object' | 'array'
}

export interface StreamOptions extends RowOptions {
  /** Rows that come at a time; without it 16 at first, then up to 512. */
  chunkRows?: number
}

export interface Summary {
  /** Rows inserted, updated or deleted, without those of triggers and cascades. */
  changes: number
  /** Of the connection. A bigint, also with `integers: 'number'`, where no number holds it. */
  lastInsertRowid: number | bigint
}

export interface Outcome<T = Row> extends Summary {
  columns: string[]
  rows: T[]
}

export interface Description {
  readonly: boolean
  columns: ColumnDescription[]
  parameters: ParameterDescription[]
}

/** What is not of a table has no type, schema, table and column. */
export interface ColumnDescription {
  name: string
  type: string | null
  schema: string | null
  table: string | null
  column: string | null
}

/** `position` counts from 1. */
export interface ParameterDescription { position: number, name: string | null }

/** Why a request has failed. */
export class SideliteError extends Error {
  constructor (errno: number, message?: string, details?: object)
  /** 'SQLITE_CONSTRAINT_UNIQUE', ..., or what is sidelite's own: 'SIDELITE_ERR_CANCELLED', ... */
  code: string
  /** SQLite's extended result code, or a negative number of sidelite's. */
  errno: number
  /** Where in the SQL the error is, in bytes of UTF-8, or -1. */
  offset: number
  /** Nothing of it was executed. */
  notRun: boolean
  /** It undid the transaction that was open before. */
  rolledBack: boolean
  /** In a batch: which statement. */
  index?: number
  /** Of the system call that failed. */
  systemErrno?: number
  cause?: unknown
}

/** A query whose rows are read as they are wanted: an unread one pauses. It begins with the first row that is asked
 * for, anew with each loop. Leaving the loop ends it. */
export interface RowStream<T = Row> extends AsyncIterable<T> {
  [Symbol.asyncIterator] (): AsyncIterableIterator<T>
  /** The rows as a stream of objects. */
  readable (options?: ReadableOptions): Readable
}

/** Where requests go: a connection, a transaction, a call of a function. */
export interface Lane {
  /** Runs a statement, and drops its rows. */
  run (sql: string, parameters?: Parameters, options?: CallOptions): Promise<Summary>
  /** Runs a statement: all there is to know. */
  execute<T = Row> (sql: string, parameters?: Parameters, options?: RowOptions): Promise<Outcome<T>>
  /** All rows. */
  all<T = Row> (sql: string, parameters?: Parameters, options?: RowOptions): Promise<T[]>
  /** The first row; undefined without one. What only reads ends with it, what writes runs to its end. */
  get<T = Row> (sql: string, parameters?: Parameters, options?: RowOptions): Promise<T | undefined>
  /** All rows, as arrays. */
  values<T extends any[] = any[]> (sql: string, parameters?: Parameters, options?: CallOptions): Promise<T[]>
  /** Runs all statements of a text. It stops at the first error; what ran before stays. */
  script (sql: string, options?: CallOptions): Promise<void>
  /** Runs a statement once for each row of values: all of them or none. */
  runMany (sql: string, rows: ReadonlyArray<readonly Value[]>, options?: CallOptions): Promise<Summary>
  /** Runs statements as one transaction, which no other request gets into, in one hop: all of them or none. */
  batch<T = Row> (statements: ReadonlyArray<string | readonly [sql: string, parameters?: Parameters]>,
    options?: RowOptions): Promise<Array<Outcome<T>>>
  stream<T = Row> (sql: string, parameters?: Parameters, options?: StreamOptions): RowStream<T>
  /** A statement to be run many times. Nothing is sent: SQL that is wrong is told of when it is run. */
  prepare (sql: string): Statement
  /** What a statement takes and gives, without running it. */
  describe (sql: string, options?: CallOptions): Promise<Description>
  /** Opens a BLOB or TEXT cell for reading or writing in parts. */
  blob (table: string, column: string, rowid: number | bigint,
    options?: CallOptions & { writable?: boolean, schema?: string }): Promise<OpenBlob>
  /** The database as it would be in a file. */
  serialize (options?: CallOptions & { schema?: string }): Promise<Buffer>
  /** Replaces the database by an image of one, which then lives in memory. */
  deserialize (image: ArrayBuffer | ArrayBufferView,
    options?: CallOptions & { schema?: string, readonly?: boolean }): Promise<void>
  /** Wants `extensions: true` in `open`. */
  loadExtension (path: string, entry?: string, options?: CallOptions): Promise<void>
  /** Frames in the write-ahead log, and how many of them were copied back; -1 without a log. */
  checkpoint (mode?: 'passive' | 'full' | 'restart' | 'truncate',
    options?: CallOptions & { schema?: string }): Promise<{ log: number, checkpointed: number }>
  /** Counters of SQLite's, by their names; `reset` begins the highest values anew. */
  status (options?: CallOptions & { reset?: boolean }): Promise<{ [name: string]: { value: any, highest: any } }>
  /** Reads one of SQLite's limits, or sets it; gives what it was before. */
  limit (name: LimitName, value?: number, options?: CallOptions): Promise<number>
}

export type LimitName =
  | 'length' | 'sqlLength' | 'columns' | 'expressionDepth' | 'compoundSelect' | 'vdbeOperations' | 'functionArguments'
  | 'attached' | 'likePatternLength' | 'parameters' | 'triggerDepth' | 'workerThreads'

/** A text of SQL and where it runs: sidelite keeps what was prepared, by its text. */
export class Statement {
  private constructor ()
  readonly sql: string
  run (parameters?: Parameters, options?: CallOptions): Promise<Summary>
  execute<T = Row> (parameters?: Parameters, options?: RowOptions): Promise<Outcome<T>>
  all<T = Row> (parameters?: Parameters, options?: RowOptions): Promise<T[]>
  get<T = Row> (parameters?: Parameters, options?: RowOptions): Promise<T | undefined>
  values<T extends any[] = any[]> (parameters?: Parameters, options?: CallOptions): Promise<T[]>
  runMany (rows: ReadonlyArray<readonly Value[]>, options?: CallOptions): Promise<Summary>
  stream<T = Row> (parameters?: Parameters, options?: StreamOptions): RowStream<T>
  describe (options?: CallOptions): Promise<Description>
  columns (options?: CallOptions): Promise<ColumnDescription[]>
  parameters (options?: CallOptions): Promise<ParameterDescription[]>
}

/** Ends with `close`, or with its connection. A row that changes meanwhile ends it with SQLITE_ABORT. */
export interface OpenBlob {
  /** Bytes; they cannot become more or fewer. */
  readonly size: number
  /** From `offset` (0), `length` bytes (to the end). */
  read (offset?: number, length?: number, options?: CallOptions): Promise<Buffer>
  write (data: ArrayBuffer | ArrayBufferView | string, offset?: number, options?: CallOptions): Promise<void>
  /** Moves to the same column of another row. */
  reopen (rowid: number | bigint, options?: CallOptions): Promise<void>
  close (options?: CallOptions): Promise<void>
  [Symbol.asyncDispose] (): Promise<void>
}

/** Takes requests until its body has ended. While a transaction is open inside of it, it takes none:
 * SIDELITE_ERR_MISUSE. */
export class Transaction {
  private constructor ()
  /** A savepoint: undone alone when `body` throws, whose error is passed on. */
  transaction<T> (body: (tx: Transaction) => T | Promise<T>): Promise<T>
}
export interface Transaction extends Lane {}

export interface TransactionOptions {
  /** What it begins with; 'none' is the sole use of the connection without a transaction. 'immediate' without it. */
  mode?: 'deferred' | 'immediate' | 'exclusive' | 'none'
  /** Milliseconds from its beginning, after which it is rolled back. */
  hold?: number
  /** Milliseconds that it may wait for its beginning. */
  timeout?: number
  /** Stops what it does, and rolls it back. */
  signal?: AbortSignal
}

export interface FunctionOptions {
  /** Number of arguments; -1 for any. Without it those that the function names. */
  arity?: number
  /** The same arguments give the same value. */
  deterministic?: boolean
  /** Not for triggers, views and the like. Without `innocuous`, all functions are that on hardened connections. */
  directOnly?: boolean
  /** Harmless even in the schema of a stranger's file. */
  innocuous?: boolean
  /** Milliseconds that a call may take. */
  replyTimeout?: number
}

/** A function that SQL calls on the loop, while its statement waits. `this` takes requests that run inside of the call:
 * others of the connection wait for its end. What it throws, or rejects with, the statement's promise is rejected
 * with. */
export type ScalarFunction =
  (this: Lane, ...values: any[]) => Value | undefined | void | Promise<Value | undefined | void>

export interface AggregateOptions<S = any> extends FunctionOptions {
  /** The state that a group begins with, or what makes it; null without it. */
  start?: S | (() => S)
  /** The state after one more row. */
  step: (this: Lane, state: S, ...values: any[]) => S | Promise<S>
  /** The state without a row that leaves a window; with it, the aggregate may be used with OVER. */
  inverse?: (this: Lane, state: S, ...values: any[]) => S | Promise<S>
  /** The value of a state; the state itself without it. */
  result?: (this: Lane, state: S) => Value | undefined | Promise<Value | undefined>
}

export interface Change {
  operation: 'insert' | 'update' | 'delete'
  schema: string
  table: string
  oldRowid: number | bigint | null
  rowid: number | bigint | null
  /** Values by position of the column, with `changeValues: true` in `open`. */
  old?: Cell[] | null
  new?: Cell[] | null
}

export interface Profile {
  request: number
  sql: string
  nanoseconds: number
  vmSteps: number
  fullscanSteps: number
  sorts: number
}

export interface Events {
  /** A row was changed; after the commit, before the promise of the call that committed. */
  change: (change: Change) => void
  /** A transaction that changed something was committed. */
  commit: () => void
  rollback: () => void
  /** The log has so many pages now. */
  wal: (log: { schema: string, pages: number }) => void
  /** A statement begins; its SQL with the values filled in. */
  trace: (statement: { request: number, sql: string }) => void
  /** A statement has ended. */
  profile: (profile: Profile) => void
  /** After SIDELITE_ERR_FULL: half of what was out has ended. */
  writable: () => void
}

export interface CopyOptions extends CallOptions {
  /** Of a step: 100; for a backup -1 is all in one. */
  pages?: number
  /** Called after each step but the last, with numbers of pages. What it throws ends the copy. */
  progress?: (at: { remaining: number, total: number }) => void
  schema?: string
}

export interface Statistics {
  outstanding: number
  bytes: number
  submitted: number
  completed: number
  cacheHits: number
  cacheMisses: number
  totalChanges: number
}

/** One database, and one thread. It keeps the process alive only while work is out. */
export class Connection {
  private constructor ()
  readonly path: string
  /** False from `close` on. */
  readonly isOpen: boolean

  /** Runs `body` with the sole use of the connection: other requests of it wait, and so must not be awaited inside.
   * Commits what `body` did with `tx`, or rolls back when it throws. */
  transaction<T> (body: (tx: Transaction) => T | Promise<T>, options?: TransactionOptions): Promise<T>

  function (name: string, fn: ScalarFunction): Promise<void>
  function (name: string, options: FunctionOptions, fn: ScalarFunction): Promise<void>
  aggregate<S = any> (name: string, options: AggregateOptions<S>): Promise<void>
  /** An order of texts: below, equal to or above 0. Each comparison is a hop between threads. */
  collation (name: string, compare: (a: string, b: string) => number | Promise<number>): Promise<void>
  /** Those of this name, for all numbers of arguments; false without one. */
  removeFunction (name: string): Promise<boolean>
  removeCollation (name: string): Promise<boolean>

  /** Copies the database step by step, with other requests in between, to a file or another connection of this
   * thread. */
  backup (to: string | Connection, options?: CopyOptions & { sleep?: number, toSchema?: string }): Promise<void>
  /** Replaces the database by the one in a file. */
  restore (from: string, options?: CopyOptions): Promise<void>

  on<K extends keyof Events> (name: K, listener: Events[K]): this
  once<K extends keyof Events> (name: K, listener: Events[K]): this
  off<K extends keyof Events> (name: K, listener: Events[K]): this

  /** Ends what is running now with SQLITE_INTERRUPT. */
  interrupt (): void
  statistics (): Statistics
  /** Finishes what was submitted, or cancels it, and closes. What is left to the garbage collector is closed as
   * well. */
  close (options?: { cancel?: boolean }): Promise<void>
  [Symbol.asyncDispose] (): Promise<void>
  /** Work that is out keeps the process alive, as it does by default. */
  ref (): this
  /** It does not. */
  unref (): this
}
export interface Connection extends Lane {}

export interface OpenOptions {
  readonly?: boolean
  /** Creates the file when it is missing: true. */
  create?: boolean
  /** `path` may be a `file:` URI. */
  uri?: boolean
  /** In memory; `path` is only a name. */
  memory?: boolean
  /** Refuses a path with a symbolic link in it. */
  nofollow?: boolean
  sharedCache?: boolean
  /** True by default: defensive mode, foreign keys on, double-quoted strings off, schemas not trusted. With false all
   * is as SQLite has it. */
  hardened?: boolean
  /** For files and SQL from strangers: no ATTACH, no triggers and views, low limits. */
  untrusted?: boolean
  foreignKeys?: boolean
  /** `loadExtension` may load shared libraries. */
  extensions?: boolean
  /** Milliseconds to wait for another connection's lock: 5,000. */
  busyTimeout?: number
  /** Prepared statements that are kept: 128. */
  statementCache?: number
  /** Requests that may be out; more are refused with SIDELITE_ERR_FULL. Without it there is no bound. */
  maxRequests?: number
  /** Bytes that may be out, likewise. */
  maxBytes?: number
  /** Of one result: 1 GiB. */
  maxResultBytes?: number
  journalMode?: 'delete' | 'truncate' | 'persist' | 'memory' | 'wal' | 'off'
  synchronous?: 'off' | 'normal' | 'full' | 'extra'
  vfs?: string
  /** 'cache_size=-8000', ... */
  pragmas?: readonly string[]
  integers?: 'number' | 'bigint'
  rows?: 'object' | 'array'
  /** 'change' tells of old and new values, too. */
  changeValues?: boolean
}

/** Opens a database: the path of a file, ':memory:', or '' for a temporary one. */
export function open (path: string, options?: OpenOptions): Promise<Connection>

export const version: string
export const sqliteVersion: string
