-- What goes in comes out, or an error.

local ffi = require("ffi")
local sidelite = require("sidelite")
local t = require("harness")

-- One value through SQLite, and the type that it had there.
local function round_trip(db, value)
  local row = db:fetch("SELECT ? AS it, typeof(?1) AS kind", sidelite.list(value))[1]
  return row.it, row.kind
end

t.waiting("values_come_back_as_they_went", function(_, db)
  for _, case in ipairs({
    { 0, "integer" }, { -1, "integer" }, { 1815, "integer" }, { 2 ^ 53, "integer" }, { -(2 ^ 53), "integer" },
    { 0.5, "real" }, { 2 ^ 53 + 2, "real" }, { 1e300, "real" }, { math.huge, "real" }, { -math.huge, "real" },
    { "", "text" }, { "Ada", "text" }, { "a\0b", "text" }, { "Zürich – 東京", "text" },
  }) do
    local value, kind = round_trip(db, case[1])
    t.equal(value, case[1])
    t.equal(kind, case[2], tostring(case[1]))
  end
end)

t.waiting("booleans_are_0_and_1", function(_, db)
  t.equal(round_trip(db, true), 1)
  t.equal(round_trip(db, false), 0)
end)

t.waiting("nil_and_nan_are_null", function(_, db)
  local value, kind = round_trip(db, nil)
  t.equal(value, nil)
  t.equal(kind, "null")
  t.equal(select(2, round_trip(db, 0 / 0)), "null")
end)

t.waiting("cdata_is_exact", function(_, db)
  for _, case in ipairs({
    { 9223372036854775807LL, 9223372036854775807LL }, { -9223372036854775807LL - 1, -9223372036854775807LL - 1 },
    { 9007199254740993LL, 9007199254740993LL }, { 9223372036854775807ULL, 9223372036854775807LL },
  }) do
    local value, kind = round_trip(db, case[1])
    t.equal(kind, "integer")
    t.check(ffi.istype("int64_t", value), "beyond 2^53 it stays an int64_t")
    t.check(value == case[2], tostring(value))
  end
  t.equal(round_trip(db, 42LL), 42)
  t.equal(round_trip(db, -9007199254740992LL), -(2 ^ 53))
  local value, kind = round_trip(db, ffi.new("double", 2))
  t.equal(value, 2)
  t.equal(kind, "real")
end)

t.waiting("what_is_no_value_is_refused", function(_, db)
  t.raises("is no value", round_trip, db, 9223372036854775808ULL)
  t.raises("is no value", round_trip, db, ffi.new("int32_t[1]"))
  t.raises("a function is no value", round_trip, db, print)
  t.raises("a table is no value", round_trip, db, {})
  t.raises("SIDELITE_ERR_BAD_TEXT", round_trip, db, "\255")
  t.raises("wants a string", sidelite.blob, 5)
  t.equal(round_trip(db, 1), 1, "after all these")
end)

t.waiting("blobs_stay_blobs", function(_, db)
  local blob, kind = round_trip(db, sidelite.blob("\0\1\255"))
  t.equal(kind, "blob")
  t.equal(blob.bytes, "\0\1\255")
  t.equal(tostring(blob), "\0\1\255")
  t.check(blob == sidelite.blob("\0\1\255"))
  t.equal(select(2, round_trip(db, blob)), "blob")
  t.equal(select(2, round_trip(db, sidelite.blob(""))), "blob")
end)

t.waiting("parameters_by_name", function(_, db)
  local row = db:fetch("SELECT :name AS a, $born AS b, @n AS c", { name = "Ada", born = 1815, n = 3 })[1]
  t.equal(row.a .. row.b .. row.c, "Ada18153")
  t.raises("not both", db.fetch, db, "SELECT ?", { 1, name = 2 })
  t.raises("SQLITE_", db.fetch, db, "SELECT :name", { other = 1 })
end)

t.waiting("parameters_by_position", function(_, db)
  local row = db:fetch("SELECT ?, ?, ?", { 1, nil, 3 }, { rows = "list" })[1]
  t.equal(row[1], 1)
  t.equal(row[2], nil)
  t.equal(row[3], 3)
  t.equal(row.n, 3)
  t.equal(db:fetch("SELECT ?, ?", sidelite.list(nil, nil), { rows = "list" })[1].n, 2)
  t.equal(t.raises("SQLITE_RANGE", db.fetch, db, "SELECT ?, ?", { 1 }).code, 25)
end)

t.waiting("a_row_goes_in_as_it_came_out", function(_, db)
  db:script("CREATE TABLE a(x, y, z); CREATE TABLE b(x, y, z); INSERT INTO a VALUES (1, NULL, NULL)")
  local row = db:fetch("SELECT * FROM a", nil, { rows = "list" })[1]
  db:execute("INSERT INTO b VALUES (?, ?, ?)", row)
  t.equal(db:fetch("SELECT x FROM b WHERE y IS NULL AND z IS NULL")[1].x, 1)
end)

t.waiting("rows_have_their_shape", function(_, db)
  local sql = "SELECT 1 AS a, NULL AS b, 'x' AS c UNION ALL SELECT 2, 3.5, NULL"
  local named = db:fetch(sql)
  t.equal(named.n, 2)
  t.equal(table.concat(named.columns, ","), "a,b,c")
  t.equal(named[1].c, "x")
  t.equal(named[1].b, nil)
  t.equal(named[2].b, 3.5)
  local lists = db:fetch(sql, nil, { rows = "list" })
  t.equal(lists[2][2], 3.5)
  t.equal(lists[2].n, 3)
  t.raises("'name', 'list' or 'view'", db.fetch, db, sql, nil, { rows = "json" })
  t.equal(db:fetch("SELECT 1 WHERE 0").n, 0)
end)

t.waiting("a_view_reads_cells_without_tables", function(_, db)
  local view = db:fetch("SELECT 1 AS a, 2.5 AS b, 'x' AS c, x'00ff' AS d, NULL AS e, 9007199254740993 AS f",
    nil, { rows = "view" })
  t.equal(view.n, 1)
  t.equal(view.ncols, 6)
  t.equal(table.concat(view:columns(), ","), "a,b,c,d,e,f")
  t.equal(view:integer(1, 1), 1)
  t.equal(view:real(1, 1), 1)
  t.equal(view:real(1, 2), 2.5)
  t.equal(view:integer(1, 2), nil)
  t.equal(view:text(1, 3), "x")
  t.equal(view:text(1, 4), "\0\255")
  t.equal(view:text(1, 1), nil)
  t.equal(view:value(1, 4).bytes, "\0\255")
  t.equal(view:value(1, 5), nil)
  t.check(view:integer(1, 6) == 9007199254740993LL)
end)

t.waiting("a_view_outlives_its_event_and_has_edges", function(queue, db)
  local view = db:fetch("SELECT 'still here'", nil, { rows = "view" })
  for _ = 1, 100 do db:fetch("SELECT 'another'") end
  collectgarbage()
  t.equal(view:text(1, 1), "still here")
  for _, cell in ipairs({ { 0, 1 }, { 2, 1 }, { 1, 0 }, { 1, 2 } }) do
    t.raises("no cell", view.text, view, cell[1], cell[2])
  end
  view:release()
  view:release()
  t.raises("was released", view.text, view, 1, 1)
  t.raises("was released", view.columns, view)
end)

t.waiting("long_values_come_whole", function(_, db)
  local seed = os.time()
  print("seed " .. seed)
  math.randomseed(seed)
  for _ = 1, 20 do
    local bytes = {}
    for i = 1, math.random(0, 5000) do bytes[i] = string.char(math.random(0, 255)) end
    local blob = sidelite.blob(table.concat(bytes):rep(math.random(1, 20)))
    t.check(round_trip(db, blob) == blob)
  end
end)

t.finish()
