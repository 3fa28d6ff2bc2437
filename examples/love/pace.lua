-- Sixty frames a second, kept by the program itself, and what each of them took. Work is what a frame needs: events,
-- update, drawing. Its time is from one picture to the next, the wait included.

local pace = { FRAME_MS = 1000 / 60, works = {}, times = {} }

local SPIN_MS = 1.2 -- sleep is not exact: the last bit is waited for

local function now_ms() return love.timer.getTime() * 1e3 end

local function wait_until(due)
  local left = due - now_ms()
  if left > SPIN_MS then love.timer.sleep((left - SPIN_MS) / 1e3) end
  while now_ms() < due do end
end

local function handle_events()
  love.event.pump()
  for name, a, b, c, d, e, f in love.event.poll() do
    if name == "quit" and not (love.quit and love.quit()) then return a or 0 end
    if name ~= "quit" then love.handlers[name](a, b, c, d, e, f) end
  end
end

local function draw()
  if not love.graphics.isActive() then return end
  love.graphics.origin()
  love.draw()
  love.graphics.present()
end

local function record(work, time)
  table.insert(pace.works, work)
  table.insert(pace.times, time)
end

local WARM_UP = 3 -- frames before the first that counts

-- LÖVE's main loop. A frame that is late does not make the next ones hurry.
function love.run()
  love.load(love.arg.parseGameArguments(arg))
  for _ = 1, WARM_UP do draw() end
  local shown, due = now_ms(), now_ms()
  return function()
    local began = now_ms()
    local status = handle_events()
    if status then return status end
    love.update()
    draw()
    local work = now_ms() - began
    due = math.max(due + pace.FRAME_MS, now_ms())
    wait_until(due)
    local next_shown = now_ms()
    record(work, next_shown - shown)
    shown = next_shown
  end
end

local LATE_MS = pace.FRAME_MS + 1 -- the clock and the scheduler are not exact

-- The median, the 99th percentile and the worst of a list of milliseconds, and how many of them are late.
function pace.summary(list)
  local sorted, late = {}, 0
  for i, ms in ipairs(list) do
    sorted[i] = ms
    if ms > LATE_MS then late = late + 1 end
  end
  table.sort(sorted)
  local function at(part) return sorted[math.max(1, math.ceil(#sorted * part))] or 0 end
  return { median = at(0.5), p99 = at(0.99), worst = at(1), late = late }
end

return pace
