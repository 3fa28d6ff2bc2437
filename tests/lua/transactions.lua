-- Leases and batches: all or nothing, and nobody in between.

local sidelite = require("sidelite")
local t = require("harness")

local function count(db)
  return db:fetch("SELECT count(*) AS c FROM n")[1].c
end

t.waiting("it_commits_and_returns", function(_, db)
  db:execute("CREATE TABLE n(x)")
  local a, b = db:transaction(function(tx)
    t.equal(tx:execute("INSERT INTO n VALUES (1)").in_transaction, true)
    return "a", count(tx)
  end)
  t.equal(a, "a")
  t.equal(b, 1)
  t.equal(count(db), 1)
  t.equal(db:fetch("SELECT 1").in_transaction, false)
end)

t.waiting("an_error_rolls_back_and_is_raised", function(_, db)
  db:execute("CREATE TABLE n(x)")
  t.raises("no more", db.transaction, db, function(tx)
    tx:execute("INSERT INTO n VALUES (1)")
    error("no more")
  end)
  t.raises("SQLITE_ERROR", db.transaction, db, function(tx)
    tx:execute("INSERT INTO n VALUES (1)")
    tx:execute("nonsense")
  end)
  t.equal(count(db), 0)
end)

t.test("others_wait_outside", function(queue, db)
  local log = {}
  db:execute("CREATE TABLE n(x)", sidelite.check)
  coroutine.wrap(function()
    db:transaction(function(tx)
      tx:execute("INSERT INTO n VALUES (1)")
      local inside = count(tx)
      log[#log + 1] = "inside " .. inside
      tx:execute("DELETE FROM n")
    end)
  end)()
  coroutine.wrap(function()
    local outside = count(db)
    log[#log + 1] = "outside " .. outside
  end)()
  t.turn_until(queue, function() return #log == 2 end)
  t.equal(table.concat(log, ", "), "inside 1, outside 0")
end)

t.waiting("using_the_connection_inside_is_told_and_does_not_hang", function(_, db)
  t.raises("use what its function was given", db.transaction, db, function() db:fetch("SELECT 1") end)
  t.raises("use what its function was given", db.transaction, db, function() db:batch({ { "SELECT 1" } }) end)
  t.raises("use what its function was given", db.transaction, db, function() db:transaction(function() end) end)
  t.equal(db:fetch("SELECT 1 AS x")[1].x, 1)
end)

t.waiting("after_its_end_the_transaction_is_no_door", function(_, db)
  local kept
  db:transaction(function(tx) kept = tx end)
  t.raises("SIDELITE_ERR_BAD_HANDLE", kept.execute, kept, "SELECT 1")
end)

t.waiting("a_commit_that_fails_rolls_back", function(_, db)
  db:script([[CREATE TABLE parent(id INTEGER PRIMARY KEY);
    CREATE TABLE n(p REFERENCES parent DEFERRABLE INITIALLY DEFERRED)]])
  local err = t.raises("SQLITE_CONSTRAINT", db.transaction, db, function(tx) tx:execute("INSERT INTO n VALUES (7)") end)
  t.equal(err.code, 787)
  t.equal(count(db), 0)
end)

t.waiting("one_that_has_ended_inside_is_not_said_to_be_committed", function(_, db)
  db:execute("CREATE TABLE n(x)")
  t.raises("SIDELITE_ERR_BAD_HANDLE", db.transaction, db, function(tx)
    tx:execute("INSERT INTO n VALUES (1)")
    tx:execute("ROLLBACK")
  end)
  t.equal(count(db), 0)
end)

t.test("an_abandoned_transaction_ends_when_it_is_collected", function(queue, db)
  local inside = false
  coroutine.wrap(function()
    db:execute("CREATE TABLE n(x)")
    db:transaction(function(tx)
      tx:execute("INSERT INTO n VALUES (1)")
      inside = true
      coroutine.yield() -- and never comes back
    end)
  end)()
  t.turn_until(queue, function() return inside end)
  local rows
  coroutine.wrap(function() rows = count(db) end)()
  local give_up = os.time() + 60
  while rows == nil do
    t.check(os.time() < give_up, "the lease was never given back")
    collectgarbage()
    queue:dispatch()
  end
  t.equal(rows, 0)
end)

t.test("with_a_callback", function(queue, db)
  local got, failed
  db:transaction(function(tx) return tx:fetch("SELECT 4 AS x")[1].x, 5 end, function(err, a, b)
    t.equal(err, nil)
    got = a + b
  end)
  db:transaction(function() error("inside") end, function(err) failed = err end)
  t.turn_until(queue, function() return got and failed end)
  t.equal(got, 9)
  t.check(tostring(failed):find("inside", 1, true))
end)

t.waiting("hold_ms_ends_it", function(queue, db)
  db:execute("CREATE TABLE n(x)")
  local err = t.raises("SIDELITE_ERR_", db.transaction, db, function(tx)
    tx:execute("INSERT INTO n VALUES (1)")
    tx:fetch(t.ENDLESS)
  end, { hold_ms = 30 })
  t.check(err.name == "SIDELITE_ERR_TIMEOUT" or err.name == "SIDELITE_ERR_ABORTED", tostring(err))
  t.equal(count(db), 0)
end)

t.waiting("modes", function(_, db)
  for _, mode in ipairs({ "deferred", "immediate", "exclusive" }) do
    db:transaction(function(tx) t.equal(tx:fetch("SELECT 1").in_transaction, true, mode) end, { mode = mode })
  end
  t.raises("there is no SIDELITE_BEGIN_SOON", db.transaction, db, function() end, { mode = "soon" })
  t.raises("no option is called 'modus'", db.transaction, db, function() end, { modus = "deferred" })
end)

t.waiting("batch_is_all_or_nothing", function(_, db)
  db:execute("CREATE TABLE n(x UNIQUE)")
  local results = db:batch({
    { "INSERT INTO n VALUES (?)", { 1 } },
    { "INSERT INTO n VALUES (?)", rows = { { 2 }, { 3 }, { 4 } } },
    { "SELECT max(x) AS m FROM n", fetch = true },
    { "INSERT INTO n VALUES (:x)", { x = 5 } },
  })
  t.equal(results[1].changes, 1)
  t.equal(results[2].changes, 3)
  t.equal(results[3][1].m, 4)
  local err = t.raises("UNIQUE constraint failed", db.batch, db, {
    { "INSERT INTO n VALUES (6)" }, { "INSERT INTO n VALUES (5)" }, { "INSERT INTO n VALUES (7)" },
  })
  t.equal(err.index, 2)
  t.equal(count(db), 5)
end)

t.waiting("batch_inside_of_a_transaction", function(_, db)
  db:execute("CREATE TABLE n(x UNIQUE)")
  db:transaction(function(tx)
    tx:execute("INSERT INTO n VALUES (1)")
    t.raises("UNIQUE", tx.batch, tx, { { "INSERT INTO n VALUES (2)" }, { "INSERT INTO n VALUES (1)" } })
    tx:batch({ { "INSERT INTO n VALUES (3)" } })
  end)
  t.equal(count(db), 2)
end)

t.waiting("batch_refuses_what_it_does_not_know", function(queue, db)
  db:fetch("SELECT 1")
  t.raises("list of statements", db.batch, db, {})
  t.raises("list of statements", db.batch, db, "SELECT 1")
  t.raises("row 2 has 1 values, the first has 2", db.batch, db, { { "SELECT ?, ?", rows = { { 1, 2 }, { 3 } } } })
  t.raises("at least one value", db.batch, db, { { "SELECT 1", rows = {} } })
  t.raises("no option is called 'row'", db.batch, db, { { "SELECT 1", row = {} } })
  t.raises("without SQL", db.batch, db, { {} })
  t.raises("SIDELITE_ERR_MISUSE", db.batch, db, { { "SELECT 1" }, { "COMMIT" } })
  t.equal(db:stat().outstanding, 0)
  t.equal(next(queue.requests), nil)
end)

t.waiting("batch_of_many_rows", function(_, db)
  local rows = {}
  for i = 1, 10000 do rows[i] = { i, "text " .. i } end
  db:execute("CREATE TABLE n(x, s)")
  t.equal(db:batch({ { "INSERT INTO n VALUES (?, ?)", rows = rows } })[1].changes, 10000)
  t.equal(db:fetch("SELECT count(*) AS c FROM n WHERE s = 'text ' || x")[1].c, 10000)
end)

t.finish()
