-- Streams: chunks, credit, and ends.

local sidelite = require("sidelite")
local t = require("harness")

t.waiting("all_rows_come_in_order", function(_, db)
  local n = 0
  for row in db:stream(t.counting(5000)):rows() do
    n = n + 1
    if row.x ~= n then t.equal(row.x, n) end
  end
  t.equal(n, 5000)
end)

t.waiting("chunks_have_the_size_that_was_asked_for", function(_, db)
  local sizes = {}
  for chunk in db:stream(t.counting(25), nil, { chunk_rows = 10, rows = "list" }):chunks() do
    sizes[#sizes + 1] = chunk.n
    t.equal(chunk[1].n, 1)
  end
  t.equal(table.concat(sizes, " "), "10 10 5")
end)

t.waiting("an_empty_stream_ends", function(_, db)
  local stream = db:stream("SELECT 1 WHERE 0")
  t.equal(stream:chunk(), nil)
  t.equal(stream:chunk(), nil)
  for _ in db:stream("SELECT 1 WHERE 0"):rows() do t.check(false) end
end)

t.waiting("views_of_chunks", function(_, db)
  local sum = 0
  local stream = db:stream(t.counting(1000), nil, { rows = "view" })
  t.raises("chunks, not rows", stream.rows, stream)
  for chunk in stream:chunks() do
    for i = 1, chunk.n do sum = sum + chunk:integer(i, 1) end
    chunk:release()
  end
  t.equal(sum, 500500)
end)

t.waiting("an_error_on_the_way_is_raised_after_the_rows", function(_, db)
  local rows = 0
  local stream = db:stream("SELECT abs(x) FROM (SELECT 1 AS x UNION ALL SELECT -9223372036854775808)")
  local err = t.raises("integer overflow", function()
    for _ in stream:rows() do rows = rows + 1 end
  end)
  t.equal(err.name, "SQLITE_ERROR")
  t.raises("SQLITE_ERROR", function() db:stream("SELECT * FROM nobody"):chunk() end)
end)

t.waiting("without_credit_it_pauses_and_others_run", function(_, db)
  local stream = db:stream(t.counting(100000), nil, { chunk_rows = 10 })
  stream:chunk()
  t.equal(db:fetch("SELECT 1 AS x")[1].x, 1)
  t.check(#stream.request.chunks <= 3, "no more chunks than there is credit for")
  stream:cancel()
end)

t.waiting("cancel_ends_it", function(_, db)
  local stream = db:stream(t.counting(100000))
  t.check(stream:chunk())
  t.check(stream:cancel())
  t.equal(stream:chunk(), nil)
  db:close("drain") -- would wait for ever for a stream that is paused
end)

t.waiting("leaving_the_loop_and_forgetting_it_ends_it", function(_, db)
  do
    for row in db:stream(t.counting(1000000)):rows() do
      if row.x == 20 then break end
    end
  end
  t.check(db:stat().outstanding >= 1, "it is paused")
  collectgarbage()
  collectgarbage()
  db:close("drain")
end)

t.waiting("a_writing_stream_returns_its_rows", function(_, db)
  db:execute("CREATE TABLE n(x)")
  local rows = 0
  for _ in db:stream("INSERT INTO n " .. t.counting(700) .. " RETURNING x"):rows() do rows = rows + 1 end
  t.equal(rows, 700)
  t.equal(db:fetch("SELECT count(*) AS c FROM n")[1].c, 700)
end)

t.test("with_a_callback", function(queue, db)
  local rows, ends, last = 0, 0, nil
  db:stream(t.counting(3000), function(err, chunk)
    if chunk then
      rows = rows + chunk.n
      t.equal(ends, 0)
    else
      ends, last = ends + 1, err
    end
  end)
  t.turn_until(queue, function() return ends > 0 end)
  t.equal(rows, 3000)
  t.equal(last, nil)
  queue:dispatch()
  t.equal(ends, 1)
end)

t.test("with_a_callback_that_fails_each_time", function(queue, db)
  local errors, ended = 0, false
  queue.on_error = function() errors = errors + 1 end
  db:stream(t.counting(50), nil, { chunk_rows = 10 }, function(_, chunk)
    ended = chunk == nil
    if chunk then error("no") end
  end)
  t.turn_until(queue, function() return ended end)
  t.equal(errors, 5)
end)

t.test("with_a_callback_that_fails_on_the_last_chunk", function(queue, db)
  local errors, ended = 0, 0
  queue.on_error = function() errors = errors + 1 end
  db:stream(t.counting(25), nil, { chunk_rows = 10 }, function(_, chunk)
    if chunk then error("no") end
    ended = ended + 1
  end)
  t.turn_until(queue, function() return ended > 0 end)
  t.equal(errors, 3)
  t.equal(ended, 1)
end)

t.test("with_a_callback_and_cancelled_in_it", function(queue, db)
  local request, last
  request = db:stream(t.counting(1000000), function(err, chunk)
    if chunk then request:cancel() end
    last = err
  end)
  t.turn_until(queue, function() return last end)
  t.equal(last.name, "SIDELITE_ERR_CANCELLED")
  t.equal(request:cancel(), false)
end)

t.waiting("only_one_waits_for_a_stream", function(queue, db)
  local stream = db:stream(t.ENDLESS)
  local ended
  coroutine.wrap(function() ended = select(2, pcall(stream.chunk, stream)) end)()
  t.raises("another coroutine waits", stream.chunk, stream)
  db:cancel()
  db:fetch("SELECT 1")
  t.equal(ended.name, "SIDELITE_ERR_CANCELLED")
end)

t.test("outside_of_a_coroutine_chunks_say_what_to_do", function(queue, db)
  local stream = db:stream(t.ENDLESS)
  t.raises("give a callback", stream.chunk, stream)
  stream:cancel()
  t.equal(stream:chunk(), nil)
end)

t.finish()
