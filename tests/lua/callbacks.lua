-- Callbacks, and what goes wrong in them.

local sidelite = require("sidelite")
local t = require("harness")

t.test("callbacks_come_in_order_and_none_before_dispatch", function(queue, db)
  local order = {}
  local function note(name)
    return function(err)
      t.equal(err, nil)
      order[#order + 1] = name
    end
  end
  db:execute("CREATE TABLE n(x)", note("create"))
  db:execute("INSERT INTO n VALUES (?)", { 1 }, note("insert"))
  db:fetch("SELECT x FROM n", nil, { rows = "list" }, note("fetch"))
  db:script("DELETE FROM n; DROP TABLE n", note("script"))
  t.equal(#order, 0)
  t.turn_until(queue, function() return #order == 4 end)
  t.equal(table.concat(order, " "), "create insert fetch script")
end)

t.test("every_call_takes_its_callback_at_any_place", function(queue, db)
  local ended = 0
  local function count(err)
    t.equal(err, nil)
    ended = ended + 1
  end
  local calls = {
    function() db:execute("SELECT 1", count) end,
    function() db:execute("SELECT 1", {}, count) end,
    function() db:execute("SELECT 1", {}, {}, count) end,
    function() db:fetch("SELECT 1", count) end,
    function() db:script("SELECT 1", count) end,
    function() db:script("SELECT 1", {}, count) end,
    function() db:batch({ { "SELECT 1" } }, count) end,
    function() db:batch({ { "SELECT 1" } }, {}, count) end,
    function() db:command("STATUS", count) end,
    function() db:transaction(function() end, count) end,
    function() db:transaction(function() end, {}, count) end,
    function() sidelite.open(queue, ":memory:", count) end,
    function() sidelite.open(queue, ":memory:", {}, count) end,
    function() sidelite.open(queue, ":memory:"):close(count) end,
    function() sidelite.open(queue, ":memory:"):close("cancel", count) end,
  }
  for _, call in ipairs(calls) do call() end
  t.turn_until(queue, function() return ended == #calls end)
end)

t.test("results_tell_of_changes", function(queue, db)
  local inserted
  db:script("CREATE TABLE n(x)", sidelite.check)
  db:execute("INSERT INTO n VALUES (1), (2), (3)", function(_, result) inserted = result end)
  t.turn_until(queue, function() return inserted end)
  t.equal(inserted.changes, 3)
  t.equal(inserted.last_insert_rowid, 3)
  t.equal(inserted.in_transaction, false)
end)

t.test("errors_are_objects", function(queue, db)
  local err
  db:fetch("SELECT * FROM nobody", function(e, result)
    t.equal(result, nil)
    err = e
  end)
  t.turn_until(queue, function() return err end)
  t.equal(err.code, 1)
  t.equal(err.name, "SQLITE_ERROR")
  t.equal(err.message, "no such table: nobody")
  t.equal(err.sql, "SELECT * FROM nobody")
  t.equal(tostring(err), "SQLITE_ERROR (1): no such table: nobody")
  t.equal(err.not_run, false)
end)

t.waiting("errors_say_where", function(_, db)
  local err = t.raises("SQLITE_ERROR", db.execute, db, "SELECT 1 FROM FROM x")
  t.equal(err.offset, 14)
  t.check(tostring(err):find("at byte 14", 1, true), tostring(err))
  db:execute("CREATE TABLE n(x UNIQUE)")
  db:execute("INSERT INTO n VALUES (1)")
  err = t.raises("SQLITE_CONSTRAINT", db.execute, db, "INSERT INTO n VALUES (1)")
  t.equal(err.code, 2067)
  t.equal(err.message, "UNIQUE constraint failed: n.x")
end)

t.test("what_is_refused_is_raised_and_calls_nobody", function(queue, db)
  local called = false
  local function note() called = true end
  t.raises("SIDELITE_ERR_BAD_TEXT", db.execute, db, "SELECT \0", note)
  t.raises("SIDELITE_ERR_MISUSE", db.execute, db, nil, note)
  t.raises("the SQL is not a string", db.execute, db, 5, note)
  t.raises("no option is called 'row'", db.fetch, db, "SELECT 1", nil, { row = "list" }, note)
  t.raises("no whole number", db.fetch, db, "SELECT 1", nil, { timeout_ms = -1 }, note)
  t.raises("no whole number", db.fetch, db, "SELECT 1", nil, { timeout_ms = 2 ^ 32 }, note)
  t.raises("the callback is not a function", db.fetch, db, "SELECT 1", nil, nil, 5)
  t.raises("there is no SIDELITE_FROBNICATE", db.command, db, "frobnicate", note)
  local ended = false
  db:execute("SELECT 1", function() ended = true end)
  t.turn_until(queue, function() return ended end)
  t.equal(called, false)
  t.equal(next(queue.requests), nil, "what still waits")
end)

t.test("an_error_in_a_callback_loses_no_event", function(queue, db)
  local ended = 0
  db:execute("SELECT 1", function() error("first") end)
  db:execute("SELECT 1", function() error(setmetatable({}, { __tostring = function() return "second" end })) end)
  db:execute("SELECT 1", function() ended = ended + 1 end)
  local raised = {}
  local give_up = os.time() + 60
  while #raised < 2 or ended < 1 do
    t.check(os.time() < give_up, "it does not come")
    local ok, err = pcall(queue.dispatch, queue)
    if not ok then raised[#raised + 1] = tostring(err) end
  end
  t.check(raised[1]:find("first", 1, true) and raised[1]:find("callbacks.lua", 1, true), raised[1])
  t.equal(raised[2], "second")
  t.equal(ended, 1)
end)

t.test("an_error_without_a_value_is_one", function(queue, db)
  db:execute("SELECT 1", function() error() end)
  local ok, err
  repeat ok, err = pcall(queue.dispatch, queue) until not ok
  t.equal(err, "an error without a value")
end)

t.test("on_error_hears_instead", function(queue, db)
  local heard = {}
  queue.on_error = function(err) heard[#heard + 1] = tostring(err) end
  db:execute("SELECT 1", function() error("first") end)
  db:fetch("SELECT * FROM nobody", sidelite.check)
  t.turn_until(queue, function() return #heard == 2 end)
  t.check(heard[1]:find("first", 1, true))
  t.equal(heard[2], "SQLITE_ERROR (1): no such table: nobody")
  queue.on_error = function() error("worse") end
  db:execute("SELECT 1", function() error("third") end)
  local ok, err
  repeat ok, err = pcall(queue.dispatch, queue) until not ok
  t.check(tostring(err):find("worse", 1, true))
end)

t.test("callbacks_may_do_everything", function(queue, db)
  local ended = false
  db:execute("CREATE TABLE n(x)", function()
    sidelite.open(queue, ":memory:", function(_, other)
      other:close(function()
        db:fetch("SELECT count(*) AS c FROM n", function(_, rows)
          t.equal(rows[1].c, 0)
          queue:wait(function() t.equal(db:fetch("SELECT 7 AS x")[1].x, 7) end)
          queue:dispatch()
          db:close(function() ended = true end)
        end)
      end)
    end)
  end)
  t.turn_until(queue, function() return ended end)
end)

t.test("a_callback_may_free_its_queue", function(queue, db)
  local later = 0
  db:execute("SELECT 1", function() queue:free() end)
  for _ = 1, 5 do db:execute("SELECT 1", function() later = later + 1 end) end
  while queue.handle do queue:dispatch() end
  t.equal(later, 0)
  t.raises("SIDELITE_ERR_BAD_HANDLE", queue.dispatch, queue)
  t.raises("SIDELITE_ERR_BAD_HANDLE", queue.wait, queue, function() end)
  t.raises("SIDELITE_ERR_BAD_HANDLE", queue.free, queue)
  t.raises("SIDELITE_ERR_BAD_HANDLE", sidelite.open, queue, ":memory:")
  t.raises("SIDELITE_ERR_", db.execute, db, "SELECT 1", function() end)
end)

t.test("dispatch_has_bounds", function(queue, db)
  local ended = 0
  for _ = 1, 600 do db:execute("SELECT 1", function() ended = ended + 1 end) end
  t.turn_until(queue, function() return db:stat().completed >= 600 and ended > 0 or ended == 600 end)
  while ended < 600 do
    local before = ended
    local events = queue:dispatch(7)
    t.check(ended - before <= 7 and events <= 7)
  end
  local busy = 0
  for _ = 1, 10 do
    db:execute("SELECT 1", function()
      busy = busy + 1
      local stop = os.clock() + 0.002
      while os.clock() < stop do end
    end)
  end
  t.turn_until(queue, function() return busy > 0 end)
  queue:wait(function() db:fetch("SELECT 1") end)
  t.equal(busy, 10)
end)

t.test("dispatch_ends_though_callbacks_go_on", function(queue, db)
  local calls = 0
  local function again()
    calls = calls + 1
    db:execute("SELECT 1", again)
    while db:stat().completed <= calls do end -- the next event is made before this callback ends
  end
  db:execute("SELECT 1", again)
  for i = 1, 20 do
    -- What is made may not have arrived yet.
    repeat until queue:dispatch() > 0
    t.equal(calls, i)
  end
end)

t.test("a_budget_leaves_the_rest_for_the_next_call", function(queue, db)
  local ended = 0
  for _ = 1, 20 do
    db:fetch("SELECT 'a text' AS it", function(_, rows)
      t.equal(rows[1].it, "a text") -- polled with the others, and read much later
      ended = ended + 1
    end)
  end
  while db:stat().completed < 20 do end
  while ended < 20 do
    -- The clock has moved on by a microsecond, at the latest, when a callback ends. The last events may not have
    -- arrived yet.
    local before = ended
    local events = queue:dispatch(nil, 0)
    t.check(events <= 1, events .. " events in one call")
    t.check(ended - before <= events) -- OPENED is one, too
  end
end)

t.test("the_descriptor_is_there_for_other_loops", function(queue)
  t.check(queue:fd() >= 0)
end)

t.test("counters", function(queue, db)
  queue:wait(function() db:fetch("SELECT 1") end)
  t.equal(db:stat().submitted, 1)
  t.check(queue:stat().events >= 2)
  t.equal(type(sidelite.version()), "string")
end)

t.finish()
