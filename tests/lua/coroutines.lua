-- Calls that wait, and coroutines that do not play along.

local sidelite = require("sidelite")
local t = require("harness")

t.test("outside_of_a_coroutine_it_says_what_to_do", function(queue, db)
  t.raises("give a callback", db.fetch, db, "SELECT 1")
  t.raises("queue:wait(function()", db.transaction, db, function() end)
  t.raises("give a callback", db.batch, db, { { "SELECT 1" } })
  t.equal(db:stat().submitted, 0)
  local raised
  db:execute("SELECT 1", function() raised = select(2, pcall(db.fetch, db, "SELECT 1")) end)
  t.turn_until(queue, function() return raised end)
  t.check(tostring(raised):find("give a callback", 1, true))
end)

t.test("coroutines_wait_side_by_side", function(queue, db)
  local log = {}
  for i = 1, 3 do
    coroutine.wrap(function()
      for j = 1, 2 do
        local x = db:fetch("SELECT ? AS x", { j })[1].x
        log[#log + 1] = i .. ":" .. x
      end
    end)()
  end
  t.turn_until(queue, function() return #log == 6 end)
  t.equal(table.concat(log, " "), "1:1 2:1 3:1 1:2 2:2 3:2")
end)

t.test("errors_are_raised_where_the_coroutine_waits", function(queue, db)
  local err
  coroutine.wrap(function() err = t.raises("SQLITE_ERROR", db.fetch, db, "SELECT * FROM nobody") end)()
  t.turn_until(queue, function() return err end)
  t.equal(err.message, "no such table: nobody")
end)

t.test("what_a_coroutine_does_not_catch_is_reported", function(queue, db)
  local heard = {}
  queue.on_error = function(err) heard[#heard + 1] = tostring(err) end
  local after = false
  coroutine.wrap(function()
    db:fetch("SELECT 1")
    error("it dies here")
  end)()
  db:fetch("SELECT 1", function() after = true end)
  t.turn_until(queue, function() return after end)
  t.equal(#heard, 1)
  t.check(heard[1]:find("it dies here", 1, true) and heard[1]:find("coroutines.lua", 1, true), heard[1])
end)

-- Programs that resume all their coroutines each frame.
t.test("who_else_resumes_it_does_no_harm", function(queue, db)
  local result
  local task = coroutine.create(function() result = db:fetch("SELECT 5 AS x")[1].x end)
  for _ = 1, 50 do
    t.check(coroutine.resume(task, "a value of somebody else"))
    t.equal(result, nil)
  end
  t.turn_until(queue, function() return result end)
  t.equal(result, 5)
  t.equal(coroutine.status(task), "dead")
end)

t.test("an_abandoned_coroutine_is_no_burden", function(queue, db)
  local watch = setmetatable({}, { __mode = "v" })
  do
    local task = coroutine.create(function()
      db:fetch("SELECT 1")
      coroutine.yield() -- for something that never comes
      error("never here")
    end)
    watch[1] = task
    coroutine.resume(task)
  end
  queue:wait(function() db:fetch("SELECT 1") end)
  collectgarbage()
  collectgarbage()
  t.equal(watch[1], nil)
end)

-- A generator inside of a coroutine: the inner one waits, the outer one sees its yield.
t.test("nested_coroutines_wait_for_themselves", function(queue, db)
  local seen, result = 0, nil
  local inner = coroutine.create(function() result = db:fetch("SELECT 9 AS x")[1].x end)
  local outer = coroutine.wrap(function()
    while coroutine.status(inner) ~= "dead" do
      coroutine.resume(inner)
      seen = seen + 1
      coroutine.yield()
    end
  end)
  outer()
  t.turn_until(queue, function() return result end)
  t.equal(result, 9)
  t.check(seen >= 1)
end)

t.test("wait_returns_what_the_body_returns", function(queue, db)
  local a, b, c = queue:wait(function(x) return x, nil, db:fetch("SELECT 3 AS x")[1].x end, 1)
  t.equal(a, 1)
  t.equal(b, nil)
  t.equal(c, 3)
  t.raises("oops", queue.wait, queue, function() error("oops") end)
  t.raises("SQLITE_ERROR", queue.wait, queue, function() db:fetch("nonsense") end)
end)

t.test("wait_does_not_hang_on_what_never_comes", function(queue, db)
  t.raises("for something else", queue.wait, queue, function() coroutine.yield() end)
  local other = sidelite.queue()
  local foreign = sidelite.open(other, ":memory:")
  t.raises("for something else", queue.wait, queue, function() foreign:fetch("SELECT 1") end)
  other:free()
  t.equal(queue:wait(function() return db:fetch("SELECT 1 AS x")[1].x end), 1)
end)

t.test("wait_hands_out_the_events_of_others", function(queue, db)
  local other
  db:fetch("SELECT 1", function() other = true end)
  queue:wait(function() db:fetch("SELECT 2") end)
  t.equal(other, true)
  db:fetch("SELECT 1", function() error("of another") end)
  t.raises("of another", queue.wait, queue, function() db:fetch("SELECT 2") end)
end)

t.test("wait_works_inside_a_coroutine", function(queue, db)
  local log = {}
  coroutine.wrap(function()
    log[1] = queue:wait(function() return db:fetch("SELECT 1 AS x")[1].x end)
    log[2] = db:fetch("SELECT 2 AS x")[1].x
  end)()
  t.equal(log[1], 1)
  t.turn_until(queue, function() return log[2] end)
end)

t.test("freeing_the_queue_lets_sleepers_be_collected", function(queue, db)
  local watch = setmetatable({}, { __mode = "v" })
  coroutine.wrap(function()
    watch[1] = coroutine.running()
    db:fetch(t.ENDLESS)
  end)()
  queue:free()
  collectgarbage()
  collectgarbage()
  t.equal(watch[1], nil)
end)

t.finish()
