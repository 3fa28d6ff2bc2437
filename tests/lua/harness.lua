-- What the tests of the Lua binding need: named tests, each with a queue and a connection of its own, and checks that
-- say what they saw. A test that fails does not keep the others from running.

local sidelite = require("sidelite")

local harness = { passed = 0, failed = 0 }

local function fail(message, level)
  error(message, (level or 1) + 2)
end

local function show(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

function harness.check(condition, message)
  if not condition then fail(message or "check failed") end
  return condition
end

function harness.equal(actual, expected, what)
  if actual ~= expected or type(actual) ~= type(expected) then
    fail(("%s is %s, expected %s"):format(what or "it", show(actual), show(expected)))
  end
end

-- Calls what must raise. `expected` is the name of an error object, or a part of a message. Returns the error.
function harness.raises(expected, call, ...)
  local ok, err = pcall(call, ...)
  if ok then fail("nothing was raised, expected " .. expected) end
  local is_it = type(err) == "table" and err.name == expected or tostring(err):find(expected, 1, true)
  if not is_it then fail(("raised %s, expected %s"):format(tostring(err), expected)) end
  return err
end

-- All that is in a file.
function harness.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- Dispatches until the condition holds; a minute without it is a hang.
function harness.turn_until(queue, condition)
  local give_up = os.time() + 60
  while not condition() do
    if os.time() > give_up then fail("it does not come") end
    queue:dispatch()
  end
end

-- A path for a new database, whose files are removed at the end.
local paths = {}

function harness.path()
  local path = os.tmpname()
  paths[#paths + 1] = path
  return path
end

local function remove_files()
  for _, path in ipairs(paths) do
    for _, suffix in ipairs({ "", "-wal", "-shm", "-journal" }) do os.remove(path .. suffix) end
  end
end

-- Runs body(queue, db) outside of coroutines. `db` is in memory. Nothing may be left waiting in the end.
function harness.test(name, body)
  local queue = sidelite.queue()
  local db = sidelite.open(queue, ":memory:")
  local ok, err = xpcall(function()
    body(queue, db)
    if queue.handle then queue:free() end
    assert(next(queue.sleepers) == nil, "a coroutine sleeps for ever")
  end, debug.traceback)
  if ok then
    harness.passed = harness.passed + 1
    print("ok " .. name)
  else
    harness.failed = harness.failed + 1
    print(("FAILED %s\n    %s"):format(name, tostring(err):gsub("\n", "\n    ")))
    if queue.handle then queue:free() end
  end
end

-- As test, but the body runs as a coroutine of queue:wait, where calls wait.
function harness.waiting(name, body)
  harness.test(name, function(queue, db) queue:wait(body, queue, db) end)
end

function harness.finish()
  remove_files()
  print(("%d passed, %d failed"):format(harness.passed, harness.failed))
  os.exit(harness.failed == 0 and 0 or 1)
end

-- A statement that runs until it is cancelled.
harness.ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

-- A statement with so many rows: 1, 2, 3, ...
function harness.counting(rows)
  return ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT %d) SELECT x FROM c"):format(rows)
end

return harness
