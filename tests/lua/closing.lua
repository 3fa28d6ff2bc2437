-- Cancelling, closing with work in flight, and what is forgotten.

local ffi = require("ffi")
local sidelite = require("sidelite")
local t = require("harness")

t.test("cancel_hits_one_request", function(queue, db)
  local errors, ended = {}, 0
  local request = db:fetch(t.ENDLESS, function(err) errors[1] = err end)
  local waiting = db:fetch("SELECT 1", function(err) errors[2] = err end)
  db:fetch("SELECT 2 AS x", function(err, rows)
    t.equal(err, nil)
    ended = rows[1].x
  end)
  t.check(waiting:cancel())
  t.check(request:cancel())
  t.turn_until(queue, function() return ended == 2 end)
  t.equal(errors[1].name, "SIDELITE_ERR_CANCELLED")
  t.equal(errors[2].name, "SIDELITE_ERR_CANCELLED")
  t.equal(errors[2].not_run, true)
  t.equal(waiting:cancel(), false)
end)

t.test("cancel_hits_all_that_was_submitted", function(queue, db)
  local cancelled, after = 0, nil
  for _ = 1, 5 do
    db:fetch(t.ENDLESS, function(err)
      t.equal(err.name, "SIDELITE_ERR_CANCELLED")
      cancelled = cancelled + 1
    end)
  end
  db:cancel()
  db:fetch("SELECT 1", function(err) after = err == nil end)
  t.turn_until(queue, function() return after ~= nil end)
  t.equal(after, true)
  t.equal(cancelled, 5)
end)

t.test("a_cancelled_coroutine_hears_of_it", function(queue, db)
  local err
  coroutine.wrap(function() err = t.raises("SIDELITE_ERR_CANCELLED", db.fetch, db, t.ENDLESS) end)()
  db:cancel()
  t.turn_until(queue, function() return err end)
  t.equal(err.code, sidelite.lib.SIDELITE_ERR_CANCELLED)
end)

t.waiting("a_deadline_ends_it", function(_, db)
  local err = t.raises("SIDELITE_ERR_TIMEOUT", db.fetch, db, t.ENDLESS, nil, { timeout_ms = 20 })
  t.equal(err.code, -202)
end)

t.test("close_with_work_in_flight", function(queue, db)
  local log = {}
  db:fetch(t.ENDLESS, function(err) log[#log + 1] = err.name end)
  coroutine.wrap(function()
    local err = t.raises("SIDELITE_ERR_", db.fetch, db, "SELECT 1")
    log[#log + 1] = err.name
  end)()
  db:close("cancel", function(err)
    t.equal(err, nil)
    log[#log + 1] = "closed"
  end)
  t.raises("SIDELITE_ERR_CLOSED", db.execute, db, "SELECT 1", function() end)
  t.raises("SIDELITE_ERR_CLOSED", db.close, db)
  t.turn_until(queue, function() return log[3] end)
  t.equal(table.concat(log, " "), "SIDELITE_ERR_CANCELLED SIDELITE_ERR_CANCELLED closed")
  t.raises("SIDELITE_ERR_BAD_HANDLE", db.execute, db, "SELECT 1", function() end)
  t.raises("SIDELITE_ERR_BAD_HANDLE", db.close, db)
  t.equal(next(queue.requests), nil, "what still waits")
end)

t.test("close_that_drains", function(queue, db)
  local ended, closed = 0, false
  for _ = 1, 50 do db:fetch("SELECT 1", function(err) ended = ended + (err and 0 or 1) end) end
  db:close(function() closed = true end)
  t.turn_until(queue, function() return closed end)
  t.equal(ended, 50)
  t.raises("there is no SIDELITE_CLOSE_SOON", db.close, db, "soon")
end)

t.test("a_connection_that_is_collected_is_closed", function(queue, db)
  queue:wait(function()
    sidelite.open(queue, ":memory:")
    local forgotten = sidelite.open(queue, ":memory:")
    forgotten:execute("SELECT 1")
  end)
  local open = queue:stat().outstanding
  t.equal(open, 3)
  local give_up = os.time() + 60
  while queue:stat().outstanding > 1 do
    t.check(os.time() < give_up, "they stay open")
    collectgarbage()
    queue:dispatch()
  end
  t.equal(queue:wait(function() return db:fetch("SELECT 1 AS x")[1].x end), 1)
end)

t.test("one_that_somebody_waits_for_is_not_collected", function(queue)
  local rows
  sidelite.open(queue, ":memory:"):fetch(t.counting(200000), function(_, got) rows = got.n end)
  t.turn_until(queue, function()
    collectgarbage()
    return rows
  end)
  t.equal(rows, 200000)
end)

t.test("a_queue_that_is_collected_is_freed", function()
  local address
  do
    local queue = sidelite.queue()
    sidelite.open(queue, ":memory:"):fetch(t.ENDLESS, function() end)
    address = ffi.cast("uintptr_t", queue.handle) -- a cast to its own type would be the same object, and keep it
  end
  local stats = ffi.new("sidelite_stats", { struct_size = ffi.sizeof("sidelite_stats") })
  local give_up = os.time() + 60
  repeat
    t.check(os.time() < give_up, "it stays")
    collectgarbage()
    sidelite.queue():free()
  until sidelite.lib.sidelite_stat(ffi.cast("void *", address), stats) == sidelite.lib.SIDELITE_ERR_BAD_HANDLE
end)

ffi.cdef([[
void *luaL_newstate(void);
void luaL_openlibs(void *state);
int luaL_loadstring(void *state, const char *text);
int lua_pcall(void *state, int arguments, int results, int handler);
void lua_close(void *state);
]])

local function threads()
  local pipe = assert(io.popen("ls /proc/" .. io.open("/proc/self/stat"):read("*n") .. "/task"))
  local _, count = pipe:read("*a"):gsub("%d+", "")
  pipe:close()
  return count
end

local function await_threads(count)
  local give_up = os.time() + 60
  while threads() ~= count do t.check(os.time() < give_up, "there are " .. threads() .. " threads") end
end

-- As when one of LÖVE's threads ends.
t.test("a_state_that_ends_closes_what_it_left", function()
  await_threads(2) -- this one and the test's connection; those of earlier tests have ended
  local state = ffi.C.luaL_newstate()
  ffi.C.luaL_openlibs(state)
  t.equal(ffi.C.luaL_loadstring(state, [[
    local sidelite = require("sidelite")
    queue = sidelite.queue()
    db = sidelite.open(queue, ":memory:")
    db:fetch("]] .. t.ENDLESS .. [[", function() end)
  ]]), 0)
  t.equal(ffi.C.lua_pcall(state, 0, 0, 0), 0)
  await_threads(3)
  ffi.C.lua_close(state)
  await_threads(2)
end)

t.test("free_says_what_was_dropped", function(queue, db)
  for _ = 1, 3 do db:fetch("SELECT 1", function() error("never called") end) end
  while db:stat().completed < 3 do end
  t.equal(queue:free(), 3 + 1) -- and OPENED
end)

t.test("an_opening_that_fails_is_told", function(queue)
  local missing = t.path() .. "/not/there.db"
  local opened, fetched
  local db = sidelite.open(queue, missing, function(err, conn) opened = { err, conn } end)
  db:fetch("SELECT 1", function(err) fetched = err end)
  t.turn_until(queue, function() return fetched end)
  t.equal(opened[1].name, "SQLITE_CANTOPEN")
  t.equal(opened[2], nil)
  t.equal(fetched.name, "SQLITE_CANTOPEN")
  db:close()
  queue:wait(function() t.raises("SQLITE_CANTOPEN", sidelite.open, queue, missing) end)
  t.turn_until(queue, function() return queue:stat().outstanding == 1 end)
end)

t.test("open_refuses_what_it_does_not_know", function(queue)
  t.raises("no option is called 'read_only'", sidelite.open, queue, ":memory:", { read_only = true })
  t.raises("there is no SIDELITE_JOURNAL_WALL", sidelite.open, queue, ":memory:", { journal = "wall" })
  t.raises("without NULs", sidelite.open, queue, "a\0b")
  t.raises("without NULs", sidelite.open, queue, nil)
  t.raises("without NULs", sidelite.open, queue, ":memory:", { pragmas = { "a\0b" } })
  t.raises("no whole number", sidelite.open, queue, ":memory:", { max_requests = 1.5 })
  t.equal(queue:stat().outstanding, 1)
end)

t.waiting("hardened_is_the_default", function(queue, db)
  t.equal(db:fetch("PRAGMA foreign_keys")[1].foreign_keys, 1)
  t.raises("SQLITE_ERROR", db.fetch, db, 'SELECT "a string?"')
  local plain = sidelite.open(queue, ":memory:", { sqlite_defaults = true })
  t.equal(plain:fetch("PRAGMA foreign_keys")[1].foreign_keys, 0)
  t.equal(plain:fetch('SELECT "a string?" AS x')[1].x, "a string?")
end)

t.waiting("options_reach_the_connection", function(queue)
  local path = t.path()
  local db = sidelite.open(queue, path, {
    journal = "wal", synchronous = "normal", pragmas = { "cache_size=-321" }, busy_timeout_ms = 0, statement_cache = 0,
  })
  t.equal(db:fetch("PRAGMA journal_mode")[1].journal_mode, "wal")
  t.equal(db:fetch("PRAGMA synchronous")[1].synchronous, 1)
  t.equal(db:fetch("PRAGMA cache_size")[1].cache_size, -321)
  db:execute("CREATE TABLE n(x)")
  local reader = sidelite.open(queue, path, { readonly = true })
  t.raises("SQLITE_READONLY", reader.execute, reader, "INSERT INTO n VALUES (1)")
  local other = sidelite.open(queue, path, { busy_timeout_ms = 0 })
  db:transaction(function() t.raises("SQLITE_BUSY", other.execute, other, "INSERT INTO n VALUES (1)") end)
end)

t.test("full_is_told_and_writable_follows", function(queue)
  local writable, ended = 0, 0
  local db = sidelite.open(queue, ":memory:", { max_requests = 4 })
  db.on_writable = function(conn)
    t.check(conn == db)
    writable = writable + 1
  end
  local function count() ended = ended + 1 end
  local accepted = 0
  local err = t.raises("SIDELITE_ERR_FULL", function()
    while true do
      db:fetch("SELECT 1", count)
      accepted = accepted + 1
    end
  end)
  t.equal(err.code, -101)
  t.turn_until(queue, function() return writable == 1 end)
  t.turn_until(queue, function() return ended == accepted end)
  queue:wait(function() t.equal(db:fetch("SELECT 1 AS x")[1].x, 1) end)
end)

t.waiting("other_kinds_as_commands", function(queue, db)
  db:script("CREATE TABLE n(x); INSERT INTO n VALUES (1), (2)")
  t.equal(db:command("DESCRIBE", nil, { sql = "SELECT x FROM n" })[2].name, "x")
  t.equal(#db:command("SERIALIZE")[1].image.bytes % 4096, 0)
  db:execute("INSERT INTO n " .. t.counting(5000))
  local lines = 0
  local last = db:command("DUMP", nil, { each = function(rows) lines = lines + rows.n end })
  t.check(lines > 0 and last.n + lines > 5002, lines .. " lines and " .. last.n)
  local path, steps = t.path(), 0
  db:command("BACKUP", { to = path, pages = 1 }, { each = function() steps = steps + 1 end })
  t.check(steps >= 1)
  t.equal(sidelite.open(queue, path):fetch("SELECT count(x) AS c FROM n")[1].c, 5002)
end)

t.test("observing", function(queue, db)
  local seen, ended = {}, nil
  db:execute("CREATE TABLE n(x)", sidelite.check)
  local request = db:command("OBSERVE", { what = sidelite.lib.SIDELITE_OBSERVE_CHANGES }, {
    each = function(rows) seen[#seen + 1] = rows[1].event .. " " .. rows[1].table end,
  }, function(err) ended = err end)
  db:execute("INSERT INTO n VALUES (1)", sidelite.check)
  t.turn_until(queue, function() return #seen == 1 end)
  t.equal(seen[1], "insert n")
  request:cancel()
  t.turn_until(queue, function() return ended end)
  t.equal(ended.name, "SIDELITE_ERR_CANCELLED")
end)

t.finish()
