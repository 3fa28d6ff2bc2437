-- A thermometer is read every 2 ms, in a loop of the program's own, and each reading is written at once.
--
--   LUA_PATH="bindings/lua/?.lua;;" luajit examples/thermometer.lua

local ffi = require("ffi")
local sidelite = require("sidelite")

ffi.cdef([[
struct thermometer_time { int64_t seconds, nanoseconds; };
int clock_gettime(int clock, struct thermometer_time *time);
int poll(void *descriptors, unsigned long count, int timeout_ms);
]])

local CLOCK_MONOTONIC = 1
local TICKS, TICK_MS = 100, 2

local time = ffi.new("struct thermometer_time")

local function now_ms()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.seconds) * 1e3 + tonumber(time.nanoseconds) / 1e6
end

local queue = sidelite.queue()
local db = sidelite.open(queue, ":memory:")
local closed = false

local function celsius(tick)
  return 20 + tick * 37 % 100 / 10
end

local function write_reading(tick)
  db:execute("INSERT INTO reading VALUES (?, ?)", { tick, celsius(tick) }, sidelite.check)
end

local function report()
  local all = db:fetch("SELECT count(*) AS n, round(avg(celsius), 2) AS mean, max(celsius) AS most FROM reading")[1]
  print(("%d readings, %s degrees on average, %s at most"):format(all.n, all.mean, all.most))
  local warm = db:stream("SELECT tick, celsius FROM reading WHERE celsius > ? ORDER BY celsius DESC", { 29.5 })
  for row in warm:rows() do print(("tick %d: %s"):format(row.tick, row.celsius)) end
  db:close()
  closed = true
end

-- What no callback and no coroutine catches comes out of dispatch, and ends the program with a message and status 1.
db:script("CREATE TABLE reading(tick INTEGER PRIMARY KEY, celsius REAL NOT NULL)", sidelite.check)

local tick, due = 0, now_ms() + TICK_MS
while not closed do
  if tick < TICKS and now_ms() >= due then
    tick, due = tick + 1, due + TICK_MS
    write_reading(tick)
    if tick == TICKS then coroutine.wrap(report)() end
  end
  queue:dispatch(nil, 1000)
  ffi.C.poll(nil, 0, 1) -- the rest of the frame
end
queue:free()
