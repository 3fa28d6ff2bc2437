-- sidelite for LuaJIT and LÖVE: asynchronous SQLite for programs that poll once a frame.
--
--   local sidelite = require("sidelite")
--   local queue = sidelite.queue()
--   local db = sidelite.open(queue, "save.db")
--   db:fetch("SELECT name FROM player WHERE level > ?", { 3 }, function(err, rows) ... end)
--   function love.update() queue:dispatch(nil, 1000) end
--
-- Every call takes a callback(err, result) as its last argument. Without one, inside a coroutine, it waits: the
-- coroutine sleeps until the result is there, and an error is raised. No call blocks the frame, but for queue:wait and
-- queue:free. A queue and its connections belong to one Lua state, thus to one thread.
--
-- C never calls Lua here. Callbacks of the FFI are few and slow, and an error of Lua's must not unwind through C: so
-- events are polled, many at a time, and `user_data` is a number, the key of the request in a table of Lua's.

local bit = require("bit")
local ffi = require("ffi")
local library = require("sidelite_library")
local option = require("sidelite_options")
local value = require("sidelite_value")

local C, check = library.C, library.check
local VOID = ffi.typeof("void *")

-- Under a name of its own: a program may have declared clock_gettime in another way, and LuaJIT knows one way only.
ffi.cdef([[int sidelite_lua_clock(int clock, int64_t *time) __asm__("clock_gettime");]])

local CLOCK_MONOTONIC = 1
local time = ffi.new("int64_t[2]") -- seconds, nanoseconds

local function now_us()
  ffi.C.sidelite_lua_clock(CLOCK_MONOTONIC, time)
  return tonumber(time[0]) * 1e6 + tonumber(time[1]) / 1e3
end

local sidelite = { blob = value.blob, list = value.list, lib = C }

-- A callback for calls that nobody waits for: an error goes where errors of callbacks go.
function sidelite.check(err, result)
  if err then error(err, 0) end
  return result
end

-- The running coroutine, or nil on the main thread, which no `yield` can leave.
local function running()
  local thread, is_main = coroutine.running()
  if not is_main then return thread end
end

local function pack(...)
  return { n = select("#", ...), ... }
end

-- Errors of Lua's own get the place where they were raised; error objects stay what they are.
local function with_traceback(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

-- ---- Queue ----

local Queue = {}
Queue.__index = Queue

local CAPACITY = 256 -- events of one poll

-- A queue that is collected is freed, without waiting. One whose threads were still busy is tried again when the next
-- is made: there is no later moment of its own.
local unfreed = {}

-- Finalizers run as late as the end of the Lua state, when LuaJIT looks up no names any more: theirs are looked up now.
local free, close, cancel = C.sidelite_queue_free, C.sidelite_close, C.sidelite_cancel
local TIMEOUT, CANCEL = C.SIDELITE_ERR_TIMEOUT, C.SIDELITE_CLOSE_CANCEL

local function free_unfreed()
  for handle in pairs(unfreed) do
    if free(handle, 0) ~= TIMEOUT then unfreed[handle] = nil end
  end
end

local function free_collected(handle)
  if free(handle, 0) == TIMEOUT then unfreed[handle] = true end
end

-- Makes a queue. Set `on_error`, a function(err), to hear of errors in callbacks and coroutines; without it the
-- dispatch in which one happened raises it, after all events of its turn.
function sidelite.queue()
  free_unfreed()
  local out = ffi.new("sidelite_queue *[1]")
  check(C.sidelite_queue_new(nil, out))
  return setmetatable({
    handle = ffi.gc(out[0], free_collected),
    events = ffi.new("sidelite_event[?]", CAPACITY),
    next = 0, count = 0, -- the events from `next` to `count` are polled and not handed out
    requests = {}, last_key = 0, -- by key: what waits for an event
    connections = setmetatable({}, { __mode = "v" }), -- by key: who may hear of WRITABLE
    sleepers = {}, -- by coroutine: the request that it waits for
    failures = {}, -- errors that no one has heard of
  }, Queue)
end

local function live_handle(queue)
  return queue.handle or error(library.failure(C.SIDELITE_ERR_BAD_HANDLE), 0)
end

-- The descriptor that is readable while events wait, for loops that have one to watch.
function Queue:fd()
  return check(C.sidelite_queue_fd(live_handle(self)))
end

local function add_request(queue, request)
  local key = queue.last_key + 1
  queue.last_key, queue.requests[key] = key, request
  return key
end

local function pointer(key)
  return ffi.cast(VOID, ffi.cast("uintptr_t", key))
end

local function report(queue, err)
  if queue.on_error then
    local ok, worse = pcall(queue.on_error, err)
    if ok then return end
    err = worse
  end
  table.insert(queue.failures, err == nil and "an error without a value" or err)
end

-- The oldest error that nobody has heard of. One at a time: the next dispatch raises the next.
local function raise_failure(queue)
  local err = table.remove(queue.failures, 1)
  if err ~= nil then error(err, 0) end
end

local function hand_out(queue, event)
  local key = tonumber(ffi.cast("uintptr_t", event.user_data))
  if bit.band(event.flags, C.SIDELITE_EVENT_WRITABLE) ~= 0 then
    local conn = queue.connections[key]
    if conn and conn.on_writable then conn:on_writable() end
    return
  end
  local request = queue.requests[key]
  if not request then return end -- the CLOSED of a connection that was collected
  if bit.band(event.flags, C.SIDELITE_EVENT_MORE) == 0 then queue.requests[key] = nil end
  request:take(event)
end

-- Hands out the next event; false when there is none. Events that are polled wait here for their turn, and until all
-- of them had it there is no other poll, which would free their results.
local function turn(queue, timeout_ms)
  if queue.next >= queue.count then
    queue.next, queue.count = 0, 0
    queue.count = check(C.sidelite_poll(live_handle(queue), queue.events, CAPACITY, timeout_ms))
    queue.is_drained = queue.count < CAPACITY
    if queue.count == 0 then return false end
  end
  local event, outer = queue.events[queue.next], queue.dispatcher
  queue.next, queue.dispatcher = queue.next + 1, running()
  local ok, err = xpcall(hand_out, with_traceback, queue, event)
  queue.dispatcher = outer
  if not ok then report(queue, err) end
  return true
end

-- Runs the callbacks and coroutines whose events are there; does not wait. At most `max` events (all), and none more
-- after `budget_us` microseconds (no limit); what is left comes with the next call. Returns the number of events.
function Queue:dispatch(max, budget_us)
  live_handle(self)
  local deadline = budget_us and now_us() + budget_us
  local events = 0
  self.is_drained = false
  while events < (max or math.huge) and self.handle and turn(self, 0) do
    events = events + 1
    -- What callbacks have made meanwhile waits for the next call: those that always submit more would never end.
    if self.is_drained and self.next >= self.count then break end
    if deadline and now_us() >= deadline then break end
  end
  raise_failure(self)
  return events
end

-- Runs body(...) as a coroutine and BLOCKS until it has ended: for tools, tests, and moments in which nothing else may
-- happen. Other events of the queue are handed out meanwhile. Returns what the body returns, raises what it raises.
function Queue:wait(body, ...)
  live_handle(self)
  local results
  local task = coroutine.create(function(...) results = pack(xpcall(body, with_traceback, ...)) end)
  coroutine.resume(task, ...)
  while not results do
    if not self.sleepers[task] then
      error("sidelite: what queue:wait runs sleeps for something else than this queue, and would for ever", 2)
    end
    turn(self, -1)
  end
  if not results[1] then error(results[2], 0) end
  raise_failure(self)
  return unpack(results, 2, results.n)
end

-- Frees the queue: closes its connections in CANCEL mode, waits up to `timeout_ms` (for ever) for their threads, and
-- drops the events that were not handed out: their callbacks never run and their coroutines never wake. Raises
-- SIDELITE_ERR_TIMEOUT when a thread is still busy: call again. Returns the number of events that were dropped.
function Queue:free(timeout_ms)
  local handle = live_handle(self)
  local dropped = check(C.sidelite_queue_free(handle, timeout_ms or -1)) + self.count - self.next
  ffi.gc(handle, nil)
  self.handle, self.next, self.count = nil, 0, 0
  self.requests, self.sleepers = {}, {}
  return dropped
end

-- ---- Request: what waits for an event, and who waits for it ----

local Request = {}
Request.__index = Request

-- Cancels it. It still ends, with SIDELITE_ERR_CANCELLED, or with success when that came too late. Returns false when
-- it has ended already.
function Request:cancel()
  return C.sidelite_cancel(self.conn.handle, self.id) == C.SIDELITE_OK
end

local function may_sleep(queue)
  local thread = running()
  return thread ~= nil and thread ~= queue.dispatcher
end

local function must_have_taker(queue, callback)
  if callback ~= nil and type(callback) ~= "function" then error("sidelite: the callback is not a function", 0) end
  if callback or may_sleep(queue) then return end
  error("sidelite: nobody would get the result: give a callback as the last argument, or call this in a coroutine, "
    .. "such as queue:wait(function() ... end)", 0)
end

-- Puts the running coroutine to sleep until the request is ready. Somebody else may resume it meanwhile, as programs do
-- that resume all their coroutines each frame: then it sleeps on.
local function sleep(request)
  local queue, thread = request.conn.queue, running()
  request.thread, queue.sleepers[thread] = thread, request
  repeat coroutine.yield() until request.ready
  request.thread, queue.sleepers[thread] = nil, nil
end

-- Wakes the coroutine that sleeps for the request, if there is one. What it does not catch is its end, and is reported.
local function wake(request)
  request.ready = true
  local thread = request.thread
  if not thread or coroutine.status(thread) ~= "suspended" then return end
  local ok, err = coroutine.resume(thread)
  if not ok then report(request.conn.queue, type(err) == "string" and debug.traceback(thread, err) or err) end
end

local function settle(request, err, result)
  request.err, request.result = err, result
  if request.callback then return request.callback(err, result) end
  wake(request)
end

-- Gives the request to its callback, or sleeps for it and returns its result.
local function finish(request)
  if request.callback then return request end
  if not request.ready then sleep(request) end
  if request.err then error(request.err, 0) end
  return request.result
end

local function error_in(request, event)
  if event.code ~= C.SIDELITE_OK then return library.failure_of(event, request.sql) end
end

-- ---- Submitting ----

-- Options and a callback, of which the first may be left out.
local function optional(options, callback)
  if type(options) == "function" then return nil, options end
  return options, callback
end

-- Parameters, options and a callback, likewise.
local function optional_params(params, options, callback)
  if type(params) == "function" then return nil, nil, params end
  return params, optional(options, callback)
end

local REQUEST_SIZE = ffi.sizeof("sidelite_request")
local REQUESTS = ffi.typeof("sidelite_request[?]")

local CALL_OPTIONS = {
  rows = true, each = true, timeout_ms = true, no_cache = true, multi = true, chunk_rows = true, window = true,
  sql = true,
}

local function fill(slot, conn, kind, sql, options)
  slot.struct_size, slot.kind, slot.lane = REQUEST_SIZE, kind, conn.lane
  if sql then
    if type(sql) ~= "string" then error("sidelite: the SQL is not a string", 0) end
    slot.sql, slot.sql_len = sql, #sql
  end
  slot.timeout_ms = option.whole(options, "timeout_ms")
  slot.chunk_rows = option.whole(options, "chunk_rows")
  slot.window = options.window == math.huge and C.SIDELITE_UNLIMITED or option.whole(options, "window")
  slot.flags = (options.no_cache and C.SIDELITE_NO_CACHE or 0) + (options.multi and C.SIDELITE_MULTI or 0)
end

-- Inside of its own transaction a coroutine that used the connection itself would wait for its own end.
local function refuse_own_transaction(conn)
  if conn.lane == 0 and conn.holder[1] and conn.holder[1] == running() then
    error("sidelite: inside of a transaction use what its function was given, not the connection", 0)
  end
end

-- Submits `n` requests of C, one for each of `requests`; raises what is refused, after which none has an event.
local function submit(conn, slots, n, requests)
  local queue = conn.queue
  for i = 1, n do slots[i - 1].user_data = pointer(add_request(queue, requests[i])) end
  local id = C.sidelite_submit(conn.handle, slots, n)
  if id < 0 then
    for i = 0, n - 1 do queue.requests[queue.last_key - i] = nil end
    error(library.failure(tonumber(id)), 0)
  end
  for i = 1, n do requests[i].id = tonumber(id) + i - 1 end
end

local function shape_of(options)
  local shape = value.shapes[options.rows or "name"]
  return shape or error("sidelite: option 'rows' is 'name', 'list' or 'view'", 0)
end

local function summary(event, into)
  into.changes = value.integer(event.changes)
  into.last_insert_rowid = value.integer(event.last_insert_rowid)
  into.in_transaction = bit.band(event.flags, C.SIDELITE_EVENT_IN_TRANSACTION) ~= 0
  return into
end

local function outcome(request, event)
  return summary(event, request.shape and event.result ~= nil and request.shape(event.result) or {})
end

local function grant(request)
  C.sidelite_more(request.conn.handle, request.id, 1) -- its end may be on the way: that is no defect
end

local function take_call(request, event)
  if bit.band(event.flags, C.SIDELITE_EVENT_MORE) == 0 then
    local err = error_in(request, event)
    return settle(request, err, not err and outcome(request, event) or nil)
  end
  local rows = request.each and request.shape(event.result)
  if request.has_credit then grant(request) end
  if rows then request.each(rows) end
end

-- Submits one request; returns its table, to be finished. What C only points to hangs on the request until submit has
-- copied it: the collector does not see pointers.
local function start(conn, kind, sql, params, options, callback)
  options = options or {}
  option.no_unknown(options, CALL_OPTIONS)
  refuse_own_transaction(conn)
  local slots = REQUESTS(1)
  fill(slots[0], conn, kind, sql, options)
  local request = setmetatable({
    conn = conn, sql = sql, callback = callback, each = options.each, shape = shape_of(options), take = take_call,
    has_credit = kind == C.SIDELITE_DUMP, params = params,
  }, Request)
  request.values = value.bind_params(slots[0], params or {})
  submit(conn, slots, 1, { request })
  request.params, request.values = nil, nil
  return request
end

local function call(conn, kind, sql, params, options, callback)
  params, options, callback = optional_params(params, options, callback)
  must_have_taker(conn.queue, callback)
  return finish(start(conn, kind, sql, params, options, callback))
end

-- ---- Connection ----

local Connection = {}
Connection.__index = Connection

-- Runs one statement to its end. Its result has `changes`, `last_insert_rowid` and `in_transaction`.
function Connection:execute(sql, params, options, callback)
  return call(self, C.SIDELITE_EXECUTE, sql, params, options, callback)
end

-- Runs one statement and collects its rows: a list of `n`, with `columns` and what the result of execute has.
function Connection:fetch(sql, params, options, callback)
  return call(self, C.SIDELITE_FETCH, sql, params, options, callback)
end

-- Runs all the statements of a text, without parameters; stops at the first error.
function Connection:script(sql, options, callback)
  options, callback = optional(options, callback)
  return call(self, C.SIDELITE_SCRIPT, sql, nil, options, callback)
end

-- Submits a request of any other kind, by the end of its name in sidelite.h: command("SERIALIZE"), command("BACKUP",
-- { to = "copy.db" }, { each = on_progress }), command("DESCRIBE", nil, { sql = "SELECT 1" }). Its result is as that of
-- fetch; the option `each` takes the rows of the events before the last, of which DUMP, BACKUP and OBSERVE have many.
function Connection:command(kind, params, options, callback)
  params, options, callback = optional_params(params, options, callback)
  return call(self, library.constant("", kind), options and options.sql, params, options, callback)
end

-- Cancels all that was submitted so far. Each ends with SIDELITE_ERR_CANCELLED, or with success when that came too
-- late. To cancel one request, give it a callback: the call then returns the request, which has `cancel`.
function Connection:cancel()
  return C.sidelite_cancel(self.handle, 0) == C.SIDELITE_OK
end

local STATS = {
  "outstanding", "bytes", "submitted", "completed", "cache_hits", "cache_misses", "total_changes", "events", "wakes",
  "polls",
}

-- The counters of a connection or a queue: a table with the names of sidelite_stats.
local function stat(self)
  local stats, counters = ffi.new("sidelite_stats"), {}
  stats.struct_size = ffi.sizeof(stats)
  check(C.sidelite_stat(self.handle, stats))
  for _, name in ipairs(STATS) do counters[name] = tonumber(stats[name]) end
  return counters
end

Connection.stat, Queue.stat = stat, stat

-- ---- Streams ----

local Stream = {}
Stream.__index = Stream

local function take_stream(request, event)
  local is_last = bit.band(event.flags, C.SIDELITE_EVENT_MORE) == 0
  local err = is_last and error_in(request, event) or nil
  local chunk = not err and event.result ~= nil and event.result.nrows > 0 and request.shape(event.result)
  if request.callback then
    if not is_last then grant(request) end
    if not is_last then return chunk and request.callback(nil, chunk) end
    -- The last chunk may come with the end, of which its callback hears whatever it did with the chunk.
    if chunk then
      local ok, failure = xpcall(request.callback, with_traceback, nil, chunk)
      if not ok then report(request.conn.queue, failure) end
    end
    request.callback(err)
    return
  end
  if chunk then table.insert(request.chunks, chunk) end
  request.done, request.err = is_last, err
  wake(request)
end

-- Who forgets a stream or a transaction must not leave it open: a paused reader pins its snapshot, a lease keeps all
-- others out. An id that has ended is no defect here.
local function cancel_collected(guard)
  cancel(guard.conn, guard.id)
end

local new_guard = ffi.typeof("struct { sidelite_conn *conn; int64_t id; }")

local function guard_of(request)
  return ffi.gc(new_guard(request.conn.handle, request.id), cancel_collected)
end

-- Runs one statement and delivers its rows in chunks. With a callback: callback(nil, chunk) for each, then callback()
-- at the end or callback(err), and the request is returned. Without one the stream is returned, at once. Either way two
-- chunks are on their way, and each one that is taken lets another come.
function Connection:stream(sql, params, options, callback)
  params, options, callback = optional_params(params, options, callback)
  local request = start(self, C.SIDELITE_STREAM, sql, params, options, callback)
  request.take, request.chunks = take_stream, {}
  if callback then return request end
  return setmetatable({ request = request, guard = guard_of(request) }, Stream)
end

-- The next chunk, a list of rows or a view; nil at the end. Sleeps until it is there. Raises the statement's error.
function Stream:chunk()
  local request = self.request
  if self.stopped then return nil end
  if #request.chunks == 0 and not request.done then
    must_have_taker(request.conn.queue)
    if request.thread then error("sidelite: another coroutine waits for this stream already", 0) end
    request.ready = false
    sleep(request)
  end
  local chunk = table.remove(request.chunks, 1)
  if chunk then
    grant(request)
    return chunk
  end
  if request.err and not self.stopped then error(request.err, 0) end
end

-- for chunk in stream:chunks() do ... end
function Stream:chunks()
  return function() return self:chunk() end
end

-- for row in stream:rows() do ... end. Who leaves the loop early should call `cancel`; else the collector does.
function Stream:rows()
  if self.request.shape == value.shapes.view then error("sidelite: a stream of views has chunks, not rows", 2) end
  local chunk, at = { n = 0 }, 0
  return function()
    at = at + 1
    while chunk and at > chunk.n do chunk, at = self:chunk(), 1 end
    return chunk and chunk[at]
  end
end

-- Ends the stream early: no chunk comes any more.
function Stream:cancel()
  self.stopped = true
  return self.request:cancel()
end

-- ---- Transactions ----

local function take_batch(request, event)
  local batch = request.batch
  local err = error_in(request, event)
  -- The one that failed says why; the others were only undone with it.
  if err and (not batch.failure or batch.failure.code == C.SIDELITE_ERR_ABORTED) then
    err.index, batch.failure = request.index, err
  end
  batch.results[request.index] = not err and outcome(request, event) or nil
  batch.left = batch.left - 1
  if batch.left == 0 then settle(batch, batch.failure, not batch.failure and batch.results or nil) end
end

local BATCH_FIELDS = { true, true, rows = true, fetch = true }

local function fill_batch(slots, conn, statements, options, batch)
  local requests, alive = {}, {}
  for i, statement in ipairs(statements) do
    option.no_unknown(statement, BATCH_FIELDS)
    local slot, sql = slots[i - 1], statement[1]
    if sql == nil then error("sidelite: a statement without SQL", 0) end
    fill(slot, conn, statement.fetch and C.SIDELITE_FETCH or C.SIDELITE_EXECUTE, sql, options)
    alive[i] = statement.rows and value.bind_rows(slot, statement.rows) or value.bind_params(slot, statement[2] or {})
    requests[i] = { conn = conn, sql = sql, take = take_batch, batch = batch, index = i, shape = shape_of(options) }
  end
  slots[0].flags = slots[0].flags + C.SIDELITE_ATOMIC
  return requests, alive
end

-- Runs statements as one transaction, all of them or none, in one crossing: { sql, params }, { sql, rows = list of
-- lists }, which runs once for each, or with `fetch = true` for their rows. The result is the list of their results; an
-- error has the `index` of the statement that failed.
function Connection:batch(statements, options, callback)
  options, callback = optional(options, callback)
  must_have_taker(self.queue, callback)
  refuse_own_transaction(self)
  options = options or {}
  option.no_unknown(options, CALL_OPTIONS)
  if type(statements) ~= "table" or #statements == 0 then error("sidelite: a batch wants a list of statements", 0) end
  local n = #statements
  local batch = setmetatable({ conn = self, callback = callback, left = n, results = {} }, Request)
  local slots = REQUESTS(n)
  local requests
  requests, batch.alive = fill_batch(slots, self, statements, options, batch)
  submit(self, slots, n, requests)
  batch.id, batch.alive = requests[1].id, nil
  return finish(batch)
end

-- What the function of a transaction is given: the connection inside of the lease.
local Transaction = {}
Transaction.__index = Transaction
for _, name in ipairs({ "execute", "fetch", "script", "command", "stream", "batch" }) do
  Transaction[name] = Connection[name]
end

local LEASE_OPTIONS = { mode = true, hold_ms = true, timeout_ms = true }

-- IMMEDIATE is the default: who reads first and writes then would meet BUSY in the middle, where waiting cannot help.
local function begin(db, options)
  option.no_unknown(options, LEASE_OPTIONS)
  local mode = library.constant("BEGIN_", options.mode or "immediate")
  local hold_ms = options.hold_ms and option.whole(options, "hold_ms")
  local lease = start(db, C.SIDELITE_LEASE, nil, { mode, hold_ms }, { timeout_ms = options.timeout_ms })
  finish(lease)
  db.holder[1] = running()
  local tx = { handle = db.handle, queue = db.queue, lane = lease.id, db = db, guard = guard_of(lease) }
  return setmetatable(tx, Transaction)
end

local function commit(tx, ok, ...)
  if not ok then error((...), 0) end
  call(tx, C.SIDELITE_COMMIT)
  return ...
end

local function end_lease(tx)
  if tx.db.holder[1] == running() then tx.db.holder[1] = nil end
  ffi.gc(tx.guard, nil)
end

local function transact(db, body, options)
  local tx = begin(db, options or {})
  local results = pack(pcall(commit, tx, xpcall(body, with_traceback, tx)))
  -- A COMMIT may fail and leave its transaction open, on a deferred foreign key for example.
  if not results[1] then pcall(call, tx, C.SIDELITE_RELEASE) end
  end_lease(tx)
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

-- Runs body(tx) as a coroutine within a transaction that nobody else on the connection can get into: use `tx` inside,
-- as you would the connection. When the body returns it is committed; when it raises it is rolled back. Returns, or
-- gives to the callback, what the body returns. Options: `mode`, "immediate" (also "deferred", "exclusive", "none");
-- `hold_ms`, after which it is rolled back; `timeout_ms`, to get its turn.
function Connection:transaction(body, options, callback)
  options, callback = optional(options, callback)
  must_have_taker(self.queue, callback)
  refuse_own_transaction(self)
  if not callback then return transact(self, body, options) end
  coroutine.wrap(function()
    local results = pack(pcall(transact, self, body, options))
    if results[1] then return callback(nil, unpack(results, 2, results.n)) end
    callback(results[2])
  end)()
end

-- ---- Opening and closing ----

local function close_collected(handle)
  close(handle, CANCEL, nil, nil)
end

local function take_opened(request, event)
  local conn, err = request.conn, error_in(request, event)
  conn.queue.connections[request.key] = conn
  settle(request, err, not err and conn or nil)
end

-- Opens a connection; the file is opened by its own thread. Inside a coroutine it waits for that and raises what
-- failed. With a callback(err, db), and outside of coroutines, it returns the connection at once, which takes requests
-- already: they wait for the opening, and end with its error if it fails.
--
-- HARDENED is the default; `sqlite_defaults = true` opens as SQLite itself would. The other options are those of
-- sidelite_open_config: README.md lists them. Set `on_writable`, a function(db), to hear that a connection that
-- refused requests with SIDELITE_ERR_FULL takes them again.
function sidelite.open(queue, path, options, callback)
  options, callback = optional(options, callback)
  local handle, config, alive = live_handle(queue), option.open_config(options or {})
  -- `holder` is the coroutine inside of a transaction: a weak reference, or it could not be abandoned.
  local conn = setmetatable({ queue = queue, lane = 0, holder = setmetatable({}, { __mode = "v" }) }, Connection)
  local request = setmetatable({ conn = conn, callback = callback, take = take_opened }, Request)
  local out = ffi.new("sidelite_conn *[1]")
  option.c_string(path, "path")
  request.key = add_request(queue, request)
  local code = C.sidelite_open(handle, path, config, nil, pointer(request.key), out)
  if code ~= C.SIDELITE_OK then queue.requests[request.key] = nil end
  check(code, alive) -- named here so that the collector leaves it alone until here
  conn.handle = ffi.gc(out[0], close_collected)
  if callback or not may_sleep(queue) then return conn end
  sleep(request)
  if request.err then conn:close("cancel", sidelite.check) end -- nobody else has it
  return finish(request)
end

-- Closes the connection: "drain" (the default) finishes what was submitted, "cancel" cancels it. Inside a coroutine it
-- waits until the file is closed, else it returns at once, and the callback is called then. A connection that is
-- collected is closed too, with "cancel".
function Connection:close(mode, callback)
  mode, callback = optional(mode, callback)
  local number = library.constant("CLOSE_", mode or "drain")
  local request = { conn = self, callback = callback, take = take_call }
  local key = add_request(self.queue, request)
  local code = C.sidelite_close(self.handle, number, nil, pointer(key))
  if code ~= C.SIDELITE_OK then self.queue.requests[key] = nil end
  check(code)
  ffi.gc(self.handle, nil)
  if callback or not may_sleep(self.queue) then return end
  finish(request)
end

-- The versions of the library and of the SQLite inside.
function sidelite.version() return ffi.string(C.sidelite_version()), ffi.string(C.sidelite_sqlite_version()) end

return sidelite
